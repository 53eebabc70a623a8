/* SPDX-License-Identifier: Apache-2.0 */
#define _XOPEN_SOURCE 700 /* wcwidth */
#include "apps/kith/terminal.h"

#include <qrencode.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <time.h>
#include <unistd.h>
#include <wchar.h>

enum { QR_MARGIN = 2, COLUMNS_DEFAULT = 80 };

/* Control characters, and those that change the direction of what follows (U+200E…, U+202A…, U+2066…). */
static bool is_harmful(wchar_t c)
{
    return c < 0x20 || (c >= 0x7f && c < 0xa0) || c == 0x200e || c == 0x200f || c == 0x061c ||
           (c >= 0x202a && c <= 0x202e) || (c >= 0x2066 && c <= 0x2069) || c == 0x2028 || c == 0x2029 ||
           c == 0xfeff;
}

/* One character from `text`; its bytes in *len, its columns in *width. False at the end. */
static bool next_char(const char *text, mbstate_t *state, size_t *len, int *width, bool *harmful)
{
    wchar_t c = 0;
    if (*text == '\0') /* mbrtowc takes no bytes for an unfinished character, not for the end */
        return false;
    size_t n = mbrtowc(&c, text, strlen(text), state);
    *harmful = n > strlen(text) || is_harmful(c);
    *len = n > strlen(text) ? 1 : n;
    if (n > strlen(text))
        memset(state, 0, sizeof(*state));
    *width = *harmful ? 1 : wcwidth(c);
    if (*width < 0)
        *width = 1;
    return true;
}

static int put_columns(FILE *to, const char *text, int max)
{
    mbstate_t state;
    size_t len;
    int width, sum = 0;
    bool harmful;
    memset(&state, 0, sizeof(state));
    for (; next_char(text, &state, &len, &width, &harmful) && (max < 0 || sum + width <= max); text += len) {
        if (to != NULL && harmful)
            fputc(*text == '\n' || *text == '\t' ? ' ' : '?', to); /* one line is one line */
        else if (to != NULL)
            fwrite(text, 1, len, to);
        sum += width;
    }
    return sum;
}

void put_text(FILE *to, const char *text)
{
    put_columns(to, text, -1);
}

void put_cell(FILE *to, const char *text, int width)
{
    bool cut = width > 0 && put_columns(NULL, text, -1) > width;
    int used = put_columns(to, text, cut ? width - 1 : width);
    if (cut)
        used += put_columns(to, "…", 1);
    fprintf(to, "%*s", width - used, "");
}

int cell_width(int so_far, const char *text, int max)
{
    int n = put_columns(NULL, text, max);
    return n > so_far ? n : so_far;
}

void put_time(FILE *to, int64_t at_ms)
{
    time_t t = (time_t)(at_ms / 1000);
    struct tm tm;
    char text[32];
    if (at_ms == 0 || localtime_r(&t, &tm) == NULL ||
        strftime(text, sizeof(text), "%Y-%m-%d %H:%M", &tm) == 0)
        fputs("-", to);
    else
        fputs(text, to);
}

int window_columns(FILE *to)
{
    struct winsize w;
    if (ioctl(fileno(to), TIOCGWINSZ, &w) == 0 && w.ws_col > 0)
        return w.ws_col;
    return isatty(fileno(to)) ? COLUMNS_DEFAULT : 0; /* 0: not a terminal, any width will do */
}

static bool is_dark(const QRcode *qr, int x, int y)
{
    if (x < 0 || y < 0 || x >= qr->width || y >= qr->width)
        return false;
    return (qr->data[y * qr->width + x] & 1) != 0;
}

/* Two rows a line, drawn for light text on a dark window; in the reverse the code is inverted, which scanners
 * of phones read too. */
static void put_modules(FILE *to, const QRcode *qr)
{
    static const char *const half[] = {"█", "▀", "▄", " "};
    for (int y = -QR_MARGIN; y < qr->width + QR_MARGIN; y += 2) {
        for (int x = -QR_MARGIN; x < qr->width + QR_MARGIN; x++)
            fputs(half[(is_dark(qr, x, y) ? 2 : 0) + (is_dark(qr, x, y + 1) ? 1 : 0)], to);
        fputc('\n', to);
    }
}

void put_qr(FILE *to, const char *link)
{
    int columns = window_columns(to);
    QRcode *qr = QRcode_encodeString8bit(link, 0, QR_ECLEVEL_L);
    if (qr == NULL) {
        fputs("(The link is too long for a QR code: copy the text.)\n", to);
        return;
    }
    int needed = qr->width + 2 * QR_MARGIN;
    if (columns > 0 && columns < needed)
        fprintf(to, "(The QR code needs a window of %d columns; this one has %d.)\n", needed, columns);
    else
        put_modules(to, qr);
    QRcode_free(qr);
}
