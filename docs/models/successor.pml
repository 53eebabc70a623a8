/* SPDX-License-Identifier: Apache-2.0 */
/* Two or three foundings of one generation of a scope: do all honest members end in one?
 *
 * Foundings: 1 by member 0, 2 by member 1, and with BADF a third by member 0, which equivocates. With RM member 0 is
 * tampered, and member 1 founds without it; the others learn later what removes it (its evidence spreads).
 *
 * TB 0  the lower founder's leaf, but one in which another person has committed already stays
 *    1  the lower founder's leaf, no exception
 *    2  as 1, and of one founder the lower hash
 *    3  as 2, and a founding that has a leaf of somebody removed does not count for who holds the evidence
 *                                                                                 (as built, for successor groups)
 *    4  the lower founding hash, whoever founded                      (as built, for a conversation's first groups)
 * A hash is as good as random: under TB 4 any order of the three may come.
 *
 * LATE: member 0 was behind, and founding 1 leaves out member 2, who came later; member 1 knows.
 *    1  member 1 may go over all the same
 *    2  it refuses, and what it founds itself is of the next generation           (as built, for successor groups)
 *
 * EQUIV: member 0 is tampered, and shows founding 1 to member 1 only, and another, 3, to member 2 only.
 *    1  nobody tells the other
 *    2  who hears by a beacon that the other is in another founding of the same generation founds the next
 *       (2 by member 1, 4 by member 2); who is in none yet asks to be added there          (as built, after hours)
 *    3  as 2, but nobody can add who asks: after a day they found the next, too                         (as built) */
#ifndef TB
#define TB 4
#endif
#ifndef BADF
#define BADF 0
#endif
#ifndef RM
#define RM 0
#endif
#ifndef LATE
#define LATE 0
#endif
#ifndef EQUIV
#define EQUIV 0
#endif
#define NF 5
byte founder[NF], hash[NF];
bit exists[NF], other[NF]; /* other: somebody else than the founder has committed in it */
byte cur[3];               /* the founding a member is in; 0: still in the predecessor */
byte know[3];              /* mask: foundings heard of */
byte seen[3];              /* mask: foundings in which one has seen (or made) another's commit */
byte proof[3];             /* holds what removes member 0 */
byte commits[3];           /* left */
byte heard[3];             /* with EQUIV: the founding that the other honest one was last heard to be in */

#define HONEST(i) (!((BADF || RM || EQUIV) && i == 0))
#define DEAD(i, f) (TB == 3 && proof[i] && founder[f] == 0 && RM)
#define NEXT(f) ((LATE == 2 && f == 2) || (EQUIV && (f == 2 || f == 4))) /* of a higher generation than the others */
#define SHOWN(i, f) (!EQUIV || f != (i == 1 -> 3 : 1))
#define OTHER(i) ((3 - i) % 3)
#define APART(i) (EQUIV >= 2 && heard[i] && heard[i] != cur[i] && !NEXT(heard[i]) && (cur[i] -> !NEXT(cur[i]) : EQUIV == 3))
#define LESS(f, g) ((NEXT(f) && !NEXT(g)) || (NEXT(f) == NEXT(g) && LOWER(f, g)))
#define LOWER(f, g) (TB == 4 -> hash[f] < hash[g] : (founder[f] < founder[g] || (founder[f] == founder[g] && TB >= 2 && f < g)))
#define KNOWS(i, f) ((know[i] >> f) & 1)
#define SEEN(i, f) ((seen[i] >> f) & 1)
#define PREFERS(i, f) (exists[f] && KNOWS(i, f) && cur[i] != f && !DEAD(i, f) && !(LATE == 2 && i == 1 && f == 1) && (cur[i] == 0 || DEAD(i, cur[i]) || \
    (TB == 0 && !SEEN(i, cur[i]) && (SEEN(i, f) || LESS(f, cur[i]))) || (TB > 0 && LESS(f, cur[i]))))

/* What one founding offers to a member: to hear of it, to go over, to read another's commit in its log. */
#define OFFER(i, f) \
 :: d_step { HONEST(i) && exists[f] && !KNOWS(i, f) && SHOWN(i, f) && !(LATE && i == 2 && f == 1) -> know[i] = know[i] | (1 << f) } \
 :: d_step { HONEST(i) && PREFERS(i, f) -> cur[i] = f } \
 :: d_step { HONEST(i) && other[f] && KNOWS(i, f) && !SEEN(i, f) -> seen[i] = seen[i] | (1 << f) }

#define MEMBER(i) \
 :: d_step { i == 0 && !exists[1] && (!HONEST(0) || cur[0] == 0) -> exists[1] = 1; founder[1] = 0; know[i] = know[i] | 2; \
             if :: HONEST(0) -> cur[i] = 1 :: else fi } \
 :: d_step { i == 1 && !exists[2] && (EQUIV -> APART(1) : (cur[1] == 0 || RM)) -> exists[2] = 1; founder[2] = 1; know[i] = know[i] | 4; \
             cur[i] = 2; if :: RM -> proof[1] = 1 :: else fi } \
 :: d_step { i == 0 && (BADF || EQUIV) && exists[1] && !exists[3] -> exists[3] = 1; founder[3] = 0 } \
 :: d_step { i == 2 && !exists[4] && APART(2) -> exists[4] = 1; founder[4] = 2; know[i] = know[i] | 16; cur[2] = 4 } \
 :: d_step { EQUIV >= 2 && i > 0 && cur[OTHER(i)] && heard[i] != cur[OTHER(i)] -> heard[i] = cur[OTHER(i)] } \
 :: d_step { EQUIV == 2 && HONEST(i) && cur[i] == 0 && heard[i] && !KNOWS(i, heard[i]) -> know[i] = know[i] | (1 << heard[i]) } \
 :: d_step { HONEST(i) && RM && exists[2] && !proof[i] -> proof[i] = 1 } \
 :: d_step { HONEST(i) && cur[i] && founder[cur[i]] != i && commits[i] > 0 -> \
             commits[i]--; other[cur[i]] = 1; seen[i] = seen[i] | (1 << cur[i]) } \
 OFFER(i, 1) OFFER(i, 2) OFFER(i, 3) OFFER(i, 4)

#define ORDER(a, b, c) d_step { true -> hash[1] = a; hash[2] = b; hash[3] = c }

init {
    d_step { commits[0] = 1; commits[1] = 1; commits[2] = 1 }
#if TB == 4
    if
    :: ORDER(1, 2, 3) :: ORDER(1, 3, 2) :: ORDER(2, 1, 3)
    :: ORDER(2, 3, 1) :: ORDER(3, 1, 2) :: ORDER(3, 2, 1)
    fi;
#endif
    do
    MEMBER(0) MEMBER(1) MEMBER(2)
    :: timeout -> break
    od;
    assert((!HONEST(0) || cur[0] == cur[1]) && cur[1] == cur[2]);
#if RM
    assert(cur[1] == 2);
#endif
}
