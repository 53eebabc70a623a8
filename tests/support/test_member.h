/* SPDX-License-Identifier: Apache-2.0 */
/* Members of MLS groups for tests: keys from a seed, and the steps that nearly every test takes. A step that
 * fails fails the running test. */
#ifndef KITH_TESTS_SUPPORT_TEST_MEMBER_H
#define KITH_TESTS_SUPPORT_TEST_MEMBER_H

#include "protocol/mls/group.h"
#include "tests/support/test_entropy.h"
#include "tests/support/test_records.h"

enum { TEST_EXTENSION = 0xf4b1 }; /* which every test member understands */

struct test_member { /* may not be moved */
    char name[16];   /* its identity */
    struct sign_private key;
    struct sign_public public_key;
    struct test_entropy entropy;
    struct mls_group *group;
    struct buffer package, record; /* its last key package, public and private */
    uint8_t ref[32];
};

/* Names of at most 15 characters; the key follows from the name. */
void test_member_init(struct test_member *m, const char *name);
void test_member_free(struct test_member *m);
struct mls_self test_member_self(const struct test_member *m);
/* Founds the group "test group" with the extension TEST_EXTENSION ("context"). */
void test_member_found(struct test_member *m);
/* Makes a key package of unlimited lifetime. */
struct span test_member_package(struct test_member *m);
/* Joins by this Welcome. */
void test_member_join(struct test_member *m, struct span welcome);
/* Its arguments for a commit of nothing. */
struct mls_commit_args test_commit_args(const struct test_member *m);

/* `by` commits, all members of `everybody` (NULL ends; `by` may be among them) that are in the group follow
 * and merge, and `joins` (NULL ends; may be NULL) join. */
void test_commit(struct test_member *by, const struct mls_commit_args *a,
                 struct test_member *const *everybody, struct test_member *const *joins);
/* Receives a commit up to its staged epoch. */
struct mls_staged *test_receive_commit(struct test_member *m, struct span message);
/* Receives, opens and merges. */
void test_follow(struct test_member *m, struct span message);
/* `from` writes and `to` reads the same. */
void test_say(struct test_member *from, struct test_member *to, const char *text);
/* A new message of application data in *out, which is initialised. */
void test_protect(struct test_member *from, const char *text, struct buffer *out);
/* Receives application data and checks it. */
void test_hear(struct test_member *to, struct span message, const char *text);
enum status test_hear_status(struct test_member *to, struct span message);
/* All have the same epoch, tree hash, and epoch authenticator. */
void assert_agree(struct test_member *const *everybody);
/* Saves into records and puts the group that they give back in its place. */
void test_reload(struct test_member *m, struct test_records *records);
/* `count` members (at most 16) named "m0", … in one group, founded by the first. */
void test_family(struct test_member *members, struct test_member **everybody, size_t count);
void test_family_free(struct test_member *members, size_t count);

#endif
