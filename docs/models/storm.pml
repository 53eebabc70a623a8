/* SPDX-License-Identifier: Apache-2.0 */
/* Who wins the epochs: tampered devices against an honest parent's removal of them.
 *
 * P is the honest parent's device, H another honest one, T (NT of them, each of another person) are tampered. P appends
 * its removal once an epoch; H refreshes its leaf once; a T appends one commit an epoch. Each honest reader takes the
 * first commit of the log that RULE does not void, and the honest go on to the next epoch together.
 *
 * RULE 0  a refresh right after one's own epoch is void, unless it is alone in the log
 *      1  void right after one's own epoch, always
 *      2  void when its author is among the authors of the last W epochs          (as built, W = 2, with 6)
 *      3  void unless at seq > Q
 *      4  the hole of 1 where a T re-adds a device of its own person: no refresh, never void
 *      5  as 2, but a T re-adds the other T's leaf: no refresh, never void        (why 6)
 *      6  as built: such a commit is void when author and re-added are both among the last W authors, or the author
 *         made the last epoch and the re-added has not committed since it was added; a T may refresh as well, and add
 *         and take out in turns a further device of its own person, of which taking out counts as refreshing,
 *         and is void after two epochs of one person as well
 *      7  as 6, but taking it out is a removal like any other: never void
 *      8  as 6, but taking it out counts as refreshing and no more: adding it lets its author make two epochs in a row,
 *         and then the other T is none of the last authors
 *
 * CHECK1: both honest accept the same commit.  LTL (always on with spin -DLTL): the removal wins one day. */
#ifndef RULE
#define RULE 6
#endif
#ifndef TURNS
#define TURNS (RULE > 6) /* 1: a T does that, too */
#endif
#ifndef NT
#define NT 2
#endif
#ifndef W
#define W 2
#endif
#define Q 3
#define LOG 6        /* entries of one epoch's log */
#define REMOVAL 0    /* what a log entry is: P's removal, H's refresh, a T's commit (2, 3), a block that is no commit */
#define REFRESH 1
#define PLAIN 2      /* added to a T's number: its refresh (RULE 6); else its number is its commit, a re-adding */
#define TURN 10      /* added to it: its further device comes, or goes */
#define NOISE 7
#define NONE 9

byte last1 = 0, last2 = NONE;      /* the last two epochs' authors, by person */
byte log[LOG], n = 0;              /* epochs are folded: only the last authors are remembered */
byte p_read, h_read;               /* how far P and H have read this epoch */
byte p_took = NONE, h_took = NONE; /* what each took as first valid: its place in the log + 1 */
byte h_refreshes = 1;
bit p_sent, done, fresh[4];        /* fresh: this T's leaf was re-added and has not committed since */
bit beside[4];                     /* this T's further device is there */

#define RECENT(a) ((a) == last1 || (W > 1 && (a) == last2))
#define OTHER(a) (5 - (a))         /* of two T, 2 and 3 */
#define BY(a) (RULE < 6 || (a) < 4 || (a) == NOISE -> (a) : ((a) > TURN -> (a) - TURN : (a) - PLAIN))
#define AGAIN(a) ((RECENT(a) && RECENT(OTHER(a))) || ((a) == last1 && fresh[OTHER(a)]))
#define GOES(a) (RULE != 7 && beside[BY(a)] && (RECENT(BY(a)) || (RULE == 6 && last1 == last2)))
#define VOID_6(a) ((a) > TURN -> GOES(a) : ((a) < 2 || (a) > 3 -> RECENT(BY(a)) : AGAIN(a)))
#define VOID(a, seq, alone) ((a) != NOISE && (a) != REMOVAL && ( \
    (RULE == 0 && (a) == last1 && !(alone)) || \
    (RULE == 1 && (a) == last1) || \
    (RULE == 2 && RECENT(a)) || \
    (RULE == 3 && (a) == last1 && (seq) <= Q) || \
    (RULE == 4 && (a) == last1 && (a) < 2) || \
    (RULE == 5 && RECENT(a) && (a) < 2) || \
    (RULE >= 6 && VOID_6(a))))
#define BESIDE(i, k) (n > (i) && (k) != (i) && log[i] != NOISE)
#define ALONE(k) (!(BESIDE(0, k) || BESIDE(1, k) || BESIDE(2, k) || BESIDE(3, k) || BESIDE(4, k) || BESIDE(5, k)))
#define AT(i, a) (n > (i) && log[i] == (a))
#define HAS(a) (AT(0, a) || AT(1, a) || AT(2, a) || AT(3, a) || AT(4, a) || AT(5, a))

inline read_one(at, took) {
    if
    :: log[at] != NOISE && !(VOID(log[at], at + 1, ALONE(at))) -> took = at + 1
    :: else
    fi;
    at++
}

active proctype P() {
    do
    :: atomic { !done && !p_sent && p_took == NONE && n < LOG -> log[n] = REMOVAL; n++; p_sent = 1 }
    :: atomic { !done && p_took == NONE && p_read < n -> read_one(p_read, p_took) }
    :: atomic { done -> break }
    od
}

active proctype H() {
    do
    :: atomic { !done && h_refreshes > 0 && h_took == NONE && n < LOG -> h_refreshes--; log[n] = REFRESH; n++ }
    :: atomic { !done && h_took == NONE && h_read < n -> read_one(h_read, h_took) }
    :: atomic { done -> break }
    od
}

active [NT] proctype T() {
    byte me;
    atomic { me = _pid }
    do
    :: atomic { !done && n < LOG && !HAS(me) -> log[n] = me; n++ } /* a second one would change nothing */
    :: atomic { !done && RULE >= 6 && n < LOG && !HAS(me + PLAIN) && !HAS(me + TURN) -> log[n] = me + PLAIN; n++ }
    :: atomic { !done && RULE >= 6 && n < LOG && !HAS(me + PLAIN) && !HAS(me + TURN) && TURNS -> log[n] = me + TURN; n++ }
    :: atomic { !done && RULE == 3 && n < Q -> log[n] = NOISE; n++ }
    :: atomic { done -> break }
    od
}

/* Both honest have taken one: the next epoch. */
active proctype turn() {
    do
    :: atomic { !done && p_took != NONE && h_took != NONE ->
#ifdef CHECK1
        assert(p_took == h_took);
#endif
        if
        :: log[p_took - 1] == REMOVAL -> done = 1
        :: else -> last2 = last1; last1 = BY(log[p_took - 1]);
            if
            :: RULE >= 6 && last1 > 1 ->
                fresh[last1] = 0;
                beside[last1] = (log[p_took - 1] > TURN -> !beside[last1] : beside[last1]);
                fresh[OTHER(last1)] = (log[p_took - 1] == last1 -> 1 : fresh[OTHER(last1)])
            :: else
            fi
        fi;
        n = 0; p_read = 0; h_read = 0; p_took = NONE; h_took = NONE; p_sent = 0;
        log[0] = 0; log[1] = 0; log[2] = 0; log[3] = 0; log[4] = 0; log[5] = 0 }
    :: atomic { done -> break }
    od
}

#ifdef LTL
ltl removed { <> done }
#endif
