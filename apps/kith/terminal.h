/* SPDX-License-Identifier: Apache-2.0 */
/* Putting things on the terminal: texts that others wrote, columns, times, QR codes. */
#ifndef KITH_APPS_KITH_TERMINAL_H
#define KITH_APPS_KITH_TERMINAL_H

#include <stdint.h>
#include <stdio.h>

/* Prints a text that anybody may have written: control characters and those that turn the direction of
 * writing become '?', so that it cannot move the cursor or dress as something else. */
void put_text(FILE *to, const char *text);
/* The columns of the window that `to` is; 0: it is none, and any width will do. */
int window_columns(FILE *to);
/* The same, filled with spaces to `width` columns, or cut with a mark that says so. */
void put_cell(FILE *to, const char *text, int width);
/* Columns of the longest of the two, at most `max`. */
int cell_width(int so_far, const char *text, int max);
/* "2026-11-23 16:05" in local time; "-" for 0. */
void put_time(FILE *to, int64_t at_ms);
/* The link as a QR code of half blocks; says so where the window is too narrow. */
void put_qr(FILE *to, const char *link);

#endif
