/* SPDX-License-Identifier: Apache-2.0 */
/* The one door to the heap for protocol/ and policy/: counted, and made to fail at the n-th call by tests.
 * Thread-safe but for mem_fail_after, which is for single-threaded tests. */
#ifndef KITH_PROTOCOL_MEM_H
#define KITH_PROTOCOL_MEM_H

#include <stddef.h>

/* Zeroed memory for count items of size bytes, or NULL (also when the product overflows or is 0). */
void *mem_alloc(size_t count, size_t size);
/* Erases len bytes at p and frees it; p may be NULL. `len` is what was asked of mem_alloc, in bytes. */
void mem_free(void *p, size_t len);
/* Number of blocks from mem_alloc that are not freed yet. */
size_t mem_live(void);
/* The n-th call of mem_alloc from now (1 is the next) and all after it return NULL; 0 switches this off. */
void mem_fail_after(size_t n);

/* A broken rule of this program: prints file, line and the rule, and aborts, in release builds too. Never for
 * anything that came from a peer, a disk or a user. */
#define invariant(x) ((x) ? (void)0 : invariant_broken(__FILE__, __LINE__, #x))
_Noreturn void invariant_broken(const char *file, int line, const char *rule);

#endif
