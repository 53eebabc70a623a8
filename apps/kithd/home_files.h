/* SPDX-License-Identifier: Apache-2.0 */
/* struct node_files on a real file system: reads plain files that the person named, and tells how much room
 * the home's disk has. Opens a file anew for each read: nothing is held open, and a file that was replaced is
 * another one. */
#ifndef KITH_APPS_KITHD_HOME_FILES_H
#define KITH_APPS_KITHD_HOME_FILES_H

#include "sync/node.h"

/* `home` (a path) must live as long as `out`. */
void home_files(struct node_files *out, const char *home);

#endif
