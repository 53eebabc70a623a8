/* SPDX-License-Identifier: Apache-2.0 */
/* Where a file that was fetched is written to. Until all of it is there it has no name where the file system
 * can do that, so nothing of it stays when this process dies; elsewhere it has one of its own meanwhile. It
 * never takes the place of what is there, and no link leads it elsewhere: the folder is opened once, and all
 * names are looked up in it. */
#ifndef KITH_KITH_FILE_TARGET_H
#define KITH_KITH_FILE_TARGET_H

#include <stdbool.h>

#include "protocol/bytes.h"
#include "protocol/file_part.h"

struct file_target {
    int folder, fd;
    char name[FILE_NAME_MAX + 1], meanwhile[64]; /* meanwhile: "" when it has no name */
};

/* `to` is a folder, in which it gets the name that its sender gave it, or a path. False: errno says why.
 * Close it in either case. */
bool file_target_open(struct file_target *t, const char *to, const char *sent_as);
bool file_target_write(struct file_target *t, struct span bytes);
/* On the disk, and by its name. EEXIST: something is there. */
bool file_target_name(struct file_target *t);
void file_target_close(struct file_target *t);

#endif
