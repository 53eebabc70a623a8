/* SPDX-License-Identifier: Apache-2.0 */
/* Fields of a request and of its answer: bytes in hex, numbers, lists. A field that is not as it should be is
 * named in bad_field, and what is got then is empty. */
#ifndef KITH_TESTS_MLS_PEER_FIELDS_H
#define KITH_TESTS_MLS_PEER_FIELDS_H

#include <jansson.h>

#include "protocol/bytes.h"
#include "protocol/mls/group.h"

extern const char *bad_field; /* NULL: the request is fine so far */

/* Memory that lives until the answer is out. */
void *block(size_t len);
void free_blocks(void);
struct buffer *new_buffer(void);

struct span get_bytes(const json_t *in, const char *name);
struct span get_bytes_or_none(const json_t *in, const char *name);
uint64_t get_number(const json_t *in, const char *name, uint64_t max);
bool get_flag(const json_t *in, const char *name, bool otherwise);
size_t list_size(const json_t *list, const char *name);
const struct span *get_byte_list(const json_t *in, const char *name, size_t *count);
struct mls_extension_list get_extensions(const json_t *in);

void put_bytes(json_t *out, const char *name, struct span s);
/* Takes the buffer's memory, too. */
void put_buffer(json_t *out, const char *name, struct buffer *b);
void put_number(json_t *out, const char *name, uint64_t v);

#endif
