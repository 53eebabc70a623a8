/* SPDX-License-Identifier: Apache-2.0 */
/* Rules as people read and type them: the fields' names, their values as words, what each means in a
 * sentence. Pure. */
#ifndef KITH_SYNC_POLICY_TEXT_H
#define KITH_SYNC_POLICY_TEXT_H

#include "policy/rules.h"

enum policy_text_limits { POLICY_TEXT_MAX = 64 }; /* bytes of one value, with its NUL */

/* "approval", …; NULL outside FIELD_APPROVAL … FIELD_RELEASES. */
const char *policy_field_name(enum policy_field f);
/* By its name; false when there is none. */
bool policy_field_find(const char *name, enum policy_field *out);
/* The field's value in p: "any_parent", "365", "none". */
void policy_field_value(const struct policy *p, enum policy_field f, char out[static POLICY_TEXT_MAX]);
/* One plain sentence about that value. */
const char *policy_field_meaning(const struct policy *p, enum policy_field f);
/* Sets the field. ST_POLICY_VALUE: not one of its values. ST_POLICY_LATER: a value that this version cannot
 * keep yet, so it does not promise it (docs/architecture.md). p is unchanged on failure. */
enum status policy_field_set(struct policy *p, enum policy_field f, const char *value) MUST_USE;

#endif
