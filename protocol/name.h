/* SPDX-License-Identifier: Apache-2.0 */
/* What people read as a name: of a family, a person, a device. Pure.
 *
 * A name must show something, and two names that look the same should be the same bytes; so it begins and
 * ends with something that shows, and hides nothing (docs/decisions/0040-what-a-name-is.md). Signs that only
 * join or shape their neighbours (in emoji, Persian, Mongolian) may stand inside, and those that shape at the
 * end. */
#ifndef KITH_PROTOCOL_NAME_H
#define KITH_PROTOCOL_NAME_H

#include "protocol/bytes.h"

/* `utf8` is canonical UTF-8 (protocol/wire.h: wire_text_ok asks both). False for the empty text. */
bool name_shows(struct span utf8);

#endif
