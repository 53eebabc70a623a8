/* SPDX-License-Identifier: Apache-2.0 */
/* Tries every 32-byte window of files as an X25519 private key for given public keys.
 *
 *     window_search --key HEX [--key HEX]... FILE...
 *     window_search --self-test
 *
 * One line of JSON a file: {"file": …, "windows": N, "distinct": N, "found": [{"key": HEX, "at": offset,
 * "private": HEX}]}. Exit status 0 whether or not something was found, 1 on an error.
 *
 * One scalar multiplication a window would take minutes. Neighbours share 31 bytes, so from the end of the
 * file to its start the point moves with the window: with S(k) the window at k as a little-endian number,
 *
 *     S(k) = 256 S(k+1) + b[k] - 2^256 b[k+32],
 *
 * which is eight doublings and two additions from tables; X25519's clamping changes the lowest three bits and
 * the highest byte, which is two more. The public key u = (Z+Y)/(Z-Y) is compared without a division. This is
 * a test's tool: the arithmetic below is not constant-time and serves nothing else, and libsodium's is asked
 * every 4,096 windows whether it agrees. */
#include <pthread.h>
#include <sodium.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { KEY_LEN = 32, KEYS_MAX = 16, FOUND_MAX = 4096, THREADS = 2, CHECK_EVERY = 4096 };

/* ---- numbers mod 2^255 - 19, five limbs of 51 bits ---- */

__extension__ typedef unsigned __int128 u128;
struct fe {
    uint64_t v[5];
};
#define LOW51 ((UINT64_C(1) << 51) - 1)

static inline struct fe fe_carry(struct fe a)
{
    for (int i = 0; i < 5; i++) {
        uint64_t carry = a.v[i] >> 51;
        a.v[i] &= LOW51;
        if (i < 4)
            a.v[i + 1] += carry;
        else
            a.v[0] += 19 * carry;
    }
    return a;
}

/* The sum of two results of fe_sub or fe_mul stays below 2^53 a limb, which those two take. */
static inline struct fe fe_add(struct fe a, struct fe b)
{
    for (int i = 0; i < 5; i++)
        a.v[i] += b.v[i];
    return a;
}

static inline struct fe fe_sub(struct fe a, struct fe b)
{
    static const uint64_t four_p[5] = {4 * (LOW51 - 18), 4 * LOW51, 4 * LOW51, 4 * LOW51, 4 * LOW51};
    for (int i = 0; i < 5; i++)
        a.v[i] += four_p[i] - b.v[i];
    return fe_carry(a);
}

#define M(i, j) ((u128)a.v[i] * b.v[j])
static inline struct fe fe_mul(struct fe a, struct fe b)
{
    u128 t0 = M(0, 0) + 19 * (M(1, 4) + M(2, 3) + M(3, 2) + M(4, 1));
    u128 t1 = M(0, 1) + M(1, 0) + 19 * (M(2, 4) + M(3, 3) + M(4, 2));
    u128 t2 = M(0, 2) + M(1, 1) + M(2, 0) + 19 * (M(3, 4) + M(4, 3));
    u128 t3 = M(0, 3) + M(1, 2) + M(2, 1) + M(3, 0) + 19 * M(4, 4);
    u128 t4 = M(0, 4) + M(1, 3) + M(2, 2) + M(3, 1) + M(4, 0);
    t1 += t0 >> 51;
    t2 += t1 >> 51;
    t3 += t2 >> 51;
    t4 += t3 >> 51;
    u128 low = ((uint64_t)t0 & LOW51) + 19 * (t4 >> 51);
    return (struct fe){{(uint64_t)low & LOW51, ((uint64_t)t1 & LOW51) + (uint64_t)(low >> 51),
                        (uint64_t)t2 & LOW51, (uint64_t)t3 & LOW51, (uint64_t)t4 & LOW51}};
}
#undef M

static void fe_bytes(struct fe a, uint8_t out[KEY_LEN])
{
    a = fe_carry(fe_carry(a));
    struct fe plus = a; /* a + 19 reaches 2^255 only when a is p or more */
    plus.v[0] += 19;
    uint64_t carry = 0;
    for (int i = 0; i < 5; i++) {
        plus.v[i] += carry;
        carry = plus.v[i] >> 51;
        plus.v[i] &= LOW51;
    }
    a = carry != 0 ? plus : a;
    memset(out, 0, KEY_LEN);
    for (int bit = 0; bit < 255; bit++)
        out[bit / 8] |= (uint8_t)((a.v[bit / 51] >> (bit % 51) & 1) << (bit % 8));
}

static struct fe fe_from(const uint8_t in[KEY_LEN])
{
    struct fe r = {{0}};
    for (int bit = 0; bit < 255; bit++)
        r.v[bit / 51] |= (uint64_t)(in[bit / 8] >> (bit % 8) & 1) << (bit % 51);
    return r;
}

static bool fe_zero(struct fe a)
{
    uint8_t bytes[KEY_LEN], any = 0;
    /* most are told apart without the way to bytes: a multiple of p below 2^256 has few forms */
    a = fe_carry(fe_carry(a));
    bool maybe = a.v[1] == a.v[2] && a.v[2] == a.v[3] && (a.v[1] == 0 || a.v[1] == LOW51);
    if (!maybe)
        return false;
    fe_bytes(a, bytes);
    for (int i = 0; i < KEY_LEN; i++)
        any |= bytes[i];
    return any == 0;
}

/* ---- points of edwards25519, -x² + y² = 1 + d x² y²; the formulas are complete ---- */

struct point {
    struct fe x, y, z, t;
};
struct entry { /* a table's point: y + x, y - x, 2 d t, 2 z */
    struct fe sum, difference, t2d, z2;
};

static struct fe twice_d;

static inline struct point point_double(struct point p)
{
    struct fe a = fe_mul(p.x, p.x), b = fe_mul(p.y, p.y), zz = fe_mul(p.z, p.z);
    struct fe c = fe_add(zz, zz), h = fe_add(a, b), xy = fe_add(p.x, p.y);
    struct fe e = fe_sub(h, fe_mul(xy, xy)), g = fe_sub(a, b), f = fe_add(c, g);
    return (struct point){fe_mul(e, f), fe_mul(g, h), fe_mul(f, g), fe_mul(e, h)};
}

static inline struct point point_add(struct point p, const struct entry *q)
{
    struct fe a = fe_mul(fe_sub(p.y, p.x), q->difference), b = fe_mul(fe_add(p.y, p.x), q->sum);
    struct fe c = fe_mul(p.t, q->t2d), d = fe_mul(p.z, q->z2);
    struct fe e = fe_sub(b, a), f = fe_sub(d, c), g = fe_add(d, c), h = fe_add(b, a);
    return (struct point){fe_mul(e, f), fe_mul(g, h), fe_mul(f, g), fe_mul(e, h)};
}

static struct entry entry_of(struct point p)
{
    return (struct entry){fe_add(p.y, p.x), fe_sub(p.y, p.x), fe_mul(p.t, twice_d), fe_add(p.z, p.z)};
}

static struct point negated(struct point p)
{
    struct fe zero = {{0}};
    return (struct point){fe_sub(zero, p.x), p.y, p.z, fe_sub(zero, p.t)};
}

static const struct point neutral = {{{0}}, {{1}}, {{1}}, {{0}}};

static struct fe fe_hex(const char *hex)
{
    uint8_t bytes[KEY_LEN];
    (void)sodium_hex2bin(bytes, sizeof(bytes), hex, 64, NULL, NULL, NULL);
    return fe_from(bytes);
}

/* ---- tables: b times a base, for a byte b ---- */

static struct entry add_low[256];    /* b B */
static struct entry sub_high[256];   /* -b 2^256 B */
static struct entry clamp_low[8];    /* -b B */
static struct entry clamp_high[256]; /* (clamped b - b) 2^248 B */

static void fill(struct entry *table, size_t count, struct point base)
{
    struct entry step = entry_of(base);
    struct point p = neutral;
    for (size_t i = 0; i < count; i++) {
        table[i] = entry_of(p);
        p = point_add(p, &step);
    }
}

static void make_tables(void)
{
    /* RFC 7748 §4.1, little-endian */
    struct point b = {.x = fe_hex("1ad5258f602d56c9b2a7259560c72c695cdcd6fd31e2a4c0fe536ecdd3366921"),
                      .y = fe_hex("5866666666666666666666666666666666666666666666666666666666666666"),
                      .z = {{1}}};
    struct fe d = fe_hex("a3785913ca4deb75abd841414d0a700098e879777940c78c73fe6f2bee6c0352");
    struct entry steps[256];
    b.t = fe_mul(b.x, b.y);
    twice_d = fe_add(d, d);
    fill(add_low, 256, b);
    fill(clamp_low, 8, negated(b));
    for (int i = 0; i < 248; i++)
        b = point_double(b);
    struct point minus[256];
    for (int up = 0; up < 2; up++) {
        fill(steps, 256, up ? b : negated(b));
        for (int byte = 0; byte < 256; byte++) {
            int change = ((byte & 127) | 64) - byte;
            if ((change >= 0) == (up == 1))
                minus[byte] = point_add(neutral, &steps[change < 0 ? -change : change]);
        }
    }
    for (int byte = 0; byte < 256; byte++)
        clamp_high[byte] = entry_of(minus[byte]);
    for (int i = 0; i < 8; i++)
        b = point_double(b);
    fill(sub_high, 256, negated(b));
}

/* ---- the search ---- */

struct found {
    size_t key, at;
};

struct search {
    const uint8_t *bytes;
    size_t first, end; /* windows that begin in [first, end) */
    size_t len;        /* of the file */
    const struct fe *keys;
    const uint8_t *again; /* the window was tried already, elsewhere in the file */
    size_t key_count, found_count, windows, tried;
    struct found found[FOUND_MAX];
    bool wrong; /* libsodium does not agree */
};

static void check(struct search *s, struct point p, const uint8_t *window)
{
    uint8_t public[KEY_LEN];
    if (crypto_scalarmult_base(public, window) != 0 ||
        !fe_zero(fe_sub(fe_add(p.z, p.y), fe_mul(fe_from(public), fe_sub(p.z, p.y)))))
        s->wrong = true;
}

static void try_window(struct search *s, struct point p, size_t at)
{
    p = point_add(p, &clamp_low[s->bytes[at] & 7]);
    p = point_add(p, &clamp_high[s->bytes[at + KEY_LEN - 1]]);
    struct fe above = fe_add(p.z, p.y), below = fe_sub(p.z, p.y);
    for (size_t k = 0; k < s->key_count; k++) {
        if (fe_zero(fe_sub(above, fe_mul(s->keys[k], below))) && s->found_count < FOUND_MAX)
            s->found[s->found_count++] = (struct found){k, at};
    }
    if (s->tried++ % CHECK_EVERY == 0)
        check(s, p, s->bytes + at);
}

/* The lowest of the windows that end at `at` and were all tried already; at + 1: there is none. */
static size_t run_start(const struct search *s, size_t at)
{
    size_t start = at + 1;
    while (start > s->first && start - 1 < s->end && s->again[start - 1])
        start--;
    return start;
}

static void *search_run(void *arg)
{
    struct search *s = arg;
    struct point p = neutral;
    size_t top = s->end + KEY_LEN - 1 < s->len ? s->end + KEY_LEN - 1 : s->len;
    for (size_t at = top; at-- > s->first;) {
        size_t start = run_start(s, at);
        if (at + 1 - start > 2 * KEY_LEN) { /* worth to begin anew below it */
            s->windows += at + 1 - start;
            p = neutral;
            top = start + KEY_LEN - 1;
            at = top;
            s->end = start;
            continue;
        }
        for (int i = 0; i < 8; i++)
            p = point_double(p);
        p = point_add(p, &add_low[s->bytes[at]]);
        if (at + KEY_LEN < top)
            p = point_add(p, &sub_high[s->bytes[at + KEY_LEN]]);
        if (at < s->end && at + KEY_LEN <= top) {
            s->windows++;
            if (!s->again[at])
                try_window(s, p, at);
        }
    }
    return NULL;
}

/* A database's log has page after page of what was there before. Marks the windows that have an equal one
 * above them, by a hash of 64 bits that rolls along and has a random base: with 2^24 windows one in 2^16
 * files has two that are taken for equal. */
static bool mark_again(const uint8_t *bytes, size_t windows, uint8_t *again)
{
    size_t cap = 64;
    while (cap < 2 * windows)
        cap *= 2;
    uint64_t *table = calloc(cap, sizeof(*table)), base, gone = 1, hash = 0;
    if (table == NULL)
        return false;
    randombytes_buf(&base, sizeof(base));
    base |= 1;
    for (int i = 0; i < KEY_LEN; i++)
        gone *= base;
    for (size_t at = windows + KEY_LEN - 1; at-- > 0;) {
        hash = hash * base + bytes[at] + 1;
        if (at + KEY_LEN < windows + KEY_LEN - 1)
            hash -= gone * ((uint64_t)bytes[at + KEY_LEN] + 1);
        if (at >= windows)
            continue;
        uint64_t key = (hash ^ hash >> 29) * UINT64_C(0x9e3779b97f4a7c15);
        key = (key ^ key >> 32) | 1; /* 0 is a free slot */
        size_t slot = (size_t)(key >> 1) & (cap - 1);
        while (table[slot] != 0 && table[slot] != key)
            slot = (slot + 1) & (cap - 1);
        again[at] = table[slot] == key;
        table[slot] = key;
    }
    free(table);
    return true;
}

static struct search parts[THREADS];

/* All windows of the bytes; the results are in `parts`. */
static bool search_all(const uint8_t *bytes, size_t len, const struct fe *keys, size_t key_count)
{
    pthread_t threads[THREADS];
    size_t windows = len >= KEY_LEN ? len - KEY_LEN + 1 : 0;
    uint8_t *again = calloc(windows + 1, 1);
    bool good = again != NULL && (windows == 0 || mark_again(bytes, windows, again));
    size_t seen = 0;
    if (!good) {
        free(again);
        return false;
    }
    for (size_t i = 0; i < THREADS; i++) {
        struct search *s = &parts[i];
        s->again = again;
        s->bytes = bytes;
        s->len = len;
        s->first = windows * i / THREADS;
        s->end = windows * (i + 1) / THREADS;
        s->keys = keys;
        s->key_count = key_count;
        s->found_count = s->windows = s->tried = 0;
        s->wrong = false;
        if (pthread_create(&threads[i], NULL, search_run, s) != 0)
            abort();
    }
    for (size_t i = 0; i < THREADS; i++) {
        (void)pthread_join(threads[i], NULL);
        good = good && !parts[i].wrong;
        seen += parts[i].windows;
    }
    free(again);
    return good && seen == windows;
}

/* ---- the program ---- */

static uint8_t *read_file(const char *path, size_t *len)
{
    struct stat info;
    FILE *f = fopen(path, "rb");
    uint8_t *bytes = NULL;
    if (f != NULL && fstat(fileno(f), &info) == 0) {
        bytes = malloc((size_t)info.st_size + 1);
        *len = bytes != NULL ? fread(bytes, 1, (size_t)info.st_size, f) : 0;
    }
    if (f != NULL)
        (void)fclose(f);
    return bytes;
}

static void print_result(const char *path, const uint8_t *bytes, uint8_t keys[][KEY_LEN])
{
    char hex[2 * KEY_LEN + 1];
    size_t windows = 0, tried = 0;
    const char *comma = "";
    for (size_t i = 0; i < THREADS; i++) {
        windows += parts[i].windows;
        tried += parts[i].tried;
    }
    (void)printf("{\"file\": \"");
    for (const char *c = path; *c != '\0'; c++)
        (void)printf(*c == '"' || *c == '\\' ? "\\%c" : "%c", *c);
    (void)printf("\", \"windows\": %zu, \"distinct\": %zu, \"found\": [", windows, tried);
    for (size_t i = 0; i < THREADS; i++) {
        for (size_t f = 0; f < parts[i].found_count; f++) {
            const struct found *found = &parts[i].found[f];
            (void)printf("%s{\"key\": \"%s\", ", comma,
                         sodium_bin2hex(hex, sizeof(hex), keys[found->key], KEY_LEN));
            (void)printf("\"at\": %zu, \"private\": \"%s\"}", found->at,
                         sodium_bin2hex(hex, sizeof(hex), bytes + found->at, KEY_LEN));
            comma = ", ";
        }
    }
    (void)printf("]}\n");
}

/* Keys at the ends, in the middle, over the seam of the threads; one that is not there; bytes of every kind.
 */
static int self_test(void)
{
    enum { LEN = 300000, PLANTED = 5 };
    static uint8_t bytes[LEN];
    static const size_t places[PLANTED] = {0, 12345, (LEN - 31) / 2 - 7, LEN - 100, LEN - KEY_LEN};
    uint8_t private[KEY_LEN];
    struct fe keys[PLANTED + 1];
    size_t hits[PLANTED + 1] = {0};
    randombytes_buf(bytes, sizeof(bytes));
    memset(bytes + 100000, 0, 5000);
    memset(bytes + 110000, 0xff, 5000);
    memcpy(bytes + 200000, bytes + 50000, 40000); /* what was tried already is not tried again */
    for (size_t i = 0; i <= PLANTED; i++) {
        uint8_t public[KEY_LEN];
        randombytes_buf(private, sizeof(private));
        (void)crypto_scalarmult_base(public, private);
        keys[i] = fe_from(public);
        if (i < PLANTED)
            memcpy(bytes + places[i], private, sizeof(private));
    }
    bool good = search_all(bytes, LEN, keys, PLANTED + 1);
    for (size_t i = 0; i < THREADS; i++) {
        for (size_t f = 0; f < parts[i].found_count; f++) {
            const struct found *found = &parts[i].found[f];
            good = good && found->key < PLANTED && found->at == places[found->key];
            hits[found->key]++;
        }
    }
    for (size_t i = 0; i <= PLANTED; i++)
        good = good && hits[i] == (i < PLANTED);
    for (size_t len = 0; len < 70; len++) /* short files */
        good = good && search_all(bytes, len, keys, 1) &&
               parts[0].found_count + parts[1].found_count == (len >= KEY_LEN);
    (void)puts(good ? "every planted key was found, and nothing else" : "WRONG");
    return good ? EXIT_SUCCESS : EXIT_FAILURE;
}

static int run(int argc, char **argv)
{
    static uint8_t public[KEYS_MAX][KEY_LEN];
    static struct fe keys[KEYS_MAX];
    size_t count = 0;
    int at = 1;
    for (; at + 1 < argc && strcmp(argv[at], "--key") == 0 && count < KEYS_MAX; at += 2, count++) {
        size_t len = 0;
        if (sodium_hex2bin(public[count], KEY_LEN, argv[at + 1], strlen(argv[at + 1]), NULL, &len, NULL) !=
                0 ||
            len != KEY_LEN) {
            (void)fprintf(stderr, "window_search: not a public key in hex: %s\n", argv[at + 1]);
            return EXIT_FAILURE;
        }
        keys[count] = fe_from(public[count]);
    }
    if (count == 0 || at == argc) {
        (void)fprintf(stderr, "usage: window_search --key HEX [--key HEX]... FILE... | --self-test\n");
        return EXIT_FAILURE;
    }
    for (; at < argc; at++) {
        size_t len = 0;
        uint8_t *bytes = read_file(argv[at], &len);
        bool good = bytes != NULL && search_all(bytes, len, keys, count);
        if (good)
            print_result(argv[at], bytes, public);
        else
            (void)fprintf(stderr, "window_search: cannot search %s\n", argv[at]);
        free(bytes);
        if (!good)
            return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (sodium_init() < 0)
        return EXIT_FAILURE;
    make_tables();
    return argc == 2 && strcmp(argv[1], "--self-test") == 0 ? self_test() : run(argc, argv);
}
