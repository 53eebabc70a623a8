/* SPDX-License-Identifier: Apache-2.0 */
/* One scope, three members, one relay: who makes and applies which commit, when the relay loses its store, a commit does
 * not open for somebody, somebody is away, lies, is removed, or never comes back.
 *
 * A node is a state of the group. A commit makes one from its parent, a founding one without. Each node has the log of
 * its epoch, whose keys only its members have; the relay keeps the logs of one incarnation. Members read only the first
 * entry: what a log's first valid commit is, is the question. Commits are all valid here (README: what is left out).
 *
 * RULE     0  a gap ends with anybody's beacon at one's own epoch
 *          1  with one that names the relay's new incarnation
 *          2  with such a one of every other leaf, at one's own epoch or an earlier one   (as built)
 * HISTORY  1  "an earlier one" is one of one's own history; 0: any that is not later      (as built: 0)
 * JOIN     1  a Welcome and a founding name the incarnation under which they were made    (as built)
 *          0  a joiner takes the incarnation that it meets
 * MAXG     highest generation: 0 no successor groups, 1 with them (as built); then of two foundings
 * TB       1  the lower founder's leaf stands; 0 unless another member has committed in the other one
 * EV       1  what removes somebody goes to letterboxes too; whoever holds it founds, and counts, no group with that leaf
 *
 * WIPES COMMITS  how many may happen; POISON mask of those for whom member 2's first commit does not open; AWAY, GONE
 * masks of members that may be away for too long and for ever; BAD mask of members whose beacons lie; FRESH member 2 has
 * just been sent a Welcome; REMOVE member 0's commits remove member 2; NODES how many nodes there may be.
 *
 * CHECK1  S1: of one parent, two honest members never accept different commits
 * CHECK2  S2: after an honest member saw a removal, no honest member is in a later state with the removed
 * CHECKL  L1: when nothing more can happen, all are in one state (with a run for cycles: so it ends)
 * CHECKF  and NODES was never met, so the bound hides nothing */
#define N 3
#ifndef NODES
#define NODES 6
#endif
#define LOG 2
#ifndef RULE
#define RULE 2
#endif
#ifndef HISTORY
#define HISTORY 1
#endif
#ifndef JOIN
#define JOIN 1
#endif
#ifndef TB
#define TB 1
#endif
#ifndef WIPES
#define WIPES 1
#endif
#ifndef COMMITS
#define COMMITS 2
#endif
#ifndef POISON
#define POISON 0
#endif
#ifndef AWAY
#define AWAY 0
#endif
#ifndef GONE
#define GONE 0
#endif
#ifndef BAD
#define BAD 0
#endif
#ifndef FRESH
#define FRESH 0
#endif
#ifndef REMOVE
#define REMOVE 0
#endif
#ifndef MAXG
#define MAXG 0
#endif
#ifndef EV
#define EV 0
#endif

/* Nodes. `readds`: the member, plus 1, whose leaf the commit replaces; `named`: the incarnation it was made under. */
byte parent[8], gen[8], epoch[8], author[8], poison[8], members[8], root[8], readds[8], named[8];
byte nodes = 1, founds = 0, log[16], filled[8];
byte incarnation = 1, wipes = WIPES, commits = COMMITS, lies = 2;

/* Members. `met`: the incarnation one knows; `own`: the pending commit, `sent`: it is in the log; `b_`: the beacon that
 * all others hold of it; `asks` to be added again; `kept`: winners, to be appended again to a wiped log. */
byte cur[N], met[N], own[N], b_node[N], b_inc[N], asks[N], kept[N], welcome[N];
bit sent[N], unsure[N], stopped[N], off[N], gone[N], b_set[N], was_off[N], proof[N];

/* What is checked. */
byte winner[8], removed_gen, removed_epoch, x, y;
bit removed, poisoned, bounded, s1, s2;

#define HONEST(i) (!((BAD >> (i)) & 1))
#define IN(i, k) ((members[k] >> (i)) & 1)
#define LIVE(i) (!off[i] && !gone[i])
#define SURE(i) (!unsure[i] && !stopped[i] && met[i] == incarnation)
#define FOUNDED(k) ((founds >> (k)) & 1)
#define IN_LOG(k, c) ((filled[k] > 0 && log[2*(k)] == (c)) || (filled[k] > 1 && log[2*(k) + 1] == (c)))
#define ANCESTOR(a, k) ((a) == (k) || parent[k] == (a) || parent[parent[k]] == (a) || parent[parent[parent[k]]] == (a))
#define LATER(a, b) (gen[a] > gen[b] || (gen[a] == gen[b] && epoch[a] > epoch[b]))

/* A founding with a leaf that one knows to be removed does not count. */
#define DEAD(i, k) (EV && proof[i] && IN(2, k))
#define DEAD_AHEAD(i, k) (FOUNDED(k) && DEAD(i, k) && gen[k] > gen[cur[i]])
#define CLEAN(k) (FOUNDED(k) && members[k] == 3)
#define ANY_CLEAN (CLEAN(1) || CLEAN(2) || CLEAN(3) || CLEAN(4) || CLEAN(5) || CLEAN(6) || CLEAN(7))
#define SEES_DEAD(i) (EV && proof[i] && !ANY_CLEAN && ((gen[cur[i]] > 0 && DEAD(i, root[cur[i]])) || \
    DEAD_AHEAD(i, 1) || DEAD_AHEAD(i, 2) || DEAD_AHEAD(i, 3) || DEAD_AHEAD(i, 4) || DEAD_AHEAD(i, 5)))

inline make(i, p, who, bad) { /* a commit of i on p */
    parent[nodes] = p; gen[nodes] = gen[p]; epoch[nodes] = epoch[p] + 1; author[nodes] = i; root[nodes] = root[p];
    poison[nodes] = bad; readds[nodes] = who; members[nodes] = members[p]; named[nodes] = met[i];
    if
    :: REMOVE && i == 0 && who == 0 -> members[nodes] = members[p] & 3; proof[0] = 1
    :: else
    fi;
    own[i] = nodes; sent[i] = 0; nodes++
}

inline enter(i, c) {
    cur[i] = c; stopped[i] = 0; own[i] = 0; sent[i] = 0; asks[i] = 0; kept[i] = kept[i] | (1 << c)
}

inline check_removal(i, c) {
    if
    :: EV && proof[i] && HONEST(i) && IN(2, c) && gen[c] + epoch[c] > 0 -> s2 = 1
    :: else
    fi;
    if
    :: !EV && removed && HONEST(i) && IN(2, c) &&
       (gen[c] > removed_gen || (gen[c] == removed_gen && epoch[c] >= removed_epoch)) -> s2 = 1
    :: else
    fi;
    if
    :: REMOVE && HONEST(i) && !IN(2, c) -> proof[i] = 1
    :: else
    fi;
    if
    :: REMOVE && HONEST(i) && !IN(2, c) && !removed -> removed = 1; removed_gen = gen[c]; removed_epoch = epoch[c]
    :: else
    fi
}

inline accept(i, c) { /* c is first in the log as i reads it */
    if
    :: HONEST(i) ->
        if
        :: winner[parent[c]] == 0 -> winner[parent[c]] = c
        :: winner[parent[c]] != 0 && winner[parent[c]] != c -> s1 = 1
        :: else
        fi
    :: else
    fi;
    if
    :: ((poison[c] >> i) & 1) && author[c] != i -> stopped[i] = 1; own[i] = 0; asks[i] = 1
    :: else ->
        if
        :: author[c] == i && readds[c] -> welcome[readds[c] - 1] = c
        :: else
        fi;
        if
        :: IN(i, c) -> enter(i, c); check_removal(i, c)
        :: else -> gone[i] = 1; cur[i] = c
        fi
    fi
}

/* Of two foundings, does i go over to s? TB 0: not from one in which somebody else has committed already. */
#define OTHERS(i) (gen[cur[i]] > 0 && cur[i] != root[cur[i]] && \
    (author[cur[i]] != author[root[cur[i]]] || parent[cur[i]] != root[cur[i]]))
#define RIVAL(i, s) (gen[s] == gen[cur[i]] && s != root[cur[i]])
#define LOWER(i, s) (gen[s] > gen[cur[i]] || \
    (RIVAL(i, s) && author[s] < author[root[cur[i]]] && (TB == 1 || !OTHERS(i))) || \
    (TB == 0 && RIVAL(i, s) && !OTHERS(i) && winner[s] != 0 && author[winner[s]] != author[s]))
#define BETTER(i, s) (!DEAD(i, s) && \
    ((gen[cur[i]] > 0 && gen[s] == gen[cur[i]] && DEAD(i, root[cur[i]])) || LOWER(i, s)))

/* Beacons: one that ends a gap under RULE 0 and 1; one that counts under RULE 2; one that is ahead. */
#define ENDS(i, j) (j != i && IN(j, cur[i]) && b_set[j] && b_node[j] == cur[i] && (RULE == 0 || b_inc[j] == met[i]))
#define BEHIND(i, j) (HISTORY -> ANCESTOR(b_node[j], cur[i]) : \
    gen[b_node[j]] == gen[cur[i]] && root[b_node[j]] == root[cur[i]] && epoch[b_node[j]] <= epoch[cur[i]])
#define TOLD(i, j) (j == i || !IN(j, cur[i]) || (b_set[j] && b_inc[j] == met[i] && BEHIND(i, j)))
#define AHEAD(i, j) (j != i && b_set[j] && gen[b_node[j]] == gen[cur[i]] && epoch[b_node[j]] > epoch[cur[i]] && \
    root[b_node[j]] == root[cur[i]] && IN(i, b_node[j]))
#define GAP_ENDS(i) ((RULE < 2 && (ENDS(i, 0) || ENDS(i, 1) || ENDS(i, 2))) || \
    (RULE == 2 && TOLD(i, 0) && TOLD(i, 1) && TOLD(i, 2)))

/* What member i may do, in this order: commit; append its commit (and so hear of a wipe); lose the race, or its commit to
 * a wipe; meet a new incarnation; take the first commit of the log; tell where it stands; end its gap; ask to be added
 * again; take a Welcome; found a successor; hear what removes member 2; be away, come back, go for ever. */
#define MEMBER(i) \
 :: d_step { LIVE(i) && SURE(i) && own[i] == 0 && commits > 0 && nodes < NODES && (POISON == 0 || poisoned || i == 2) -> \
        commits--; \
        if :: POISON && !poisoned -> poisoned = 1; make(i, cur[i], 0, POISON) :: else -> make(i, cur[i], 0, 0) fi } \
 :: d_step { LIVE(i) && own[i] && !sent[i] && filled[cur[i]] < LOG -> \
        log[2*cur[i] + filled[cur[i]]] = own[i]; filled[cur[i]]++; sent[i] = 1; \
        if :: met[i] != incarnation -> met[i] = incarnation; unsure[i] = 1 :: else fi } \
 :: d_step { LIVE(i) && own[i] && !sent[i] && filled[cur[i]] == LOG && met[i] == incarnation -> own[i] = 0 } \
 :: d_step { LIVE(i) && own[i] && sent[i] && met[i] == incarnation && !IN_LOG(cur[i], own[i]) -> own[i] = 0; sent[i] = 0 } \
 :: d_step { LIVE(i) && met[i] != incarnation -> \
        if :: met[i] == 0 -> met[i] = incarnation :: else -> met[i] = incarnation; unsure[i] = 1 fi } \
 :: d_step { LIVE(i) && SURE(i) && filled[cur[i]] > 0 -> x = log[2*cur[i]]; accept(i, x); x = 0 } \
 :: d_step { LIVE(i) && HONEST(i) && (!b_set[i] || b_node[i] != cur[i] || b_inc[i] != met[i]) && met[i] != 0 -> \
        b_set[i] = 1; b_node[i] = cur[i]; b_inc[i] = met[i] } \
 :: d_step { LIVE(i) && unsure[i] && met[i] == incarnation && GAP_ENDS(i) -> unsure[i] = 0 } \
 :: d_step { LIVE(i) && unsure[i] && !asks[i] && (AHEAD(i, 0) || AHEAD(i, 1) || AHEAD(i, 2)) -> asks[i] = 1 } \
 :: d_step { LIVE(i) && welcome[i] && LATER(welcome[i], cur[i]) && (unsure[i] || stopped[i]) -> \
        x = welcome[i]; welcome[i] = 0; enter(i, x); check_removal(i, x); unsure[i] = 0; \
        if :: JOIN == 1 -> met[i] = named[x] :: else -> met[i] = incarnation fi; x = 0 } \
 :: d_step { LIVE(i) && (((unsure[i] || stopped[i]) && gen[cur[i]] < MAXG) || SEES_DEAD(i)) && nodes < NODES && \
        met[i] == incarnation -> \
        x = cur[i]; parent[nodes] = nodes; gen[nodes] = (gen[x] < MAXG -> gen[x] + 1 : gen[x]); epoch[nodes] = 0; \
        author[nodes] = i; root[nodes] = nodes; members[nodes] = (EV && proof[i] -> members[x] & 3 : members[x]); \
        named[nodes] = met[i]; founds = founds | (1 << nodes); enter(i, nodes); unsure[i] = 0; \
        check_removal(i, nodes); nodes++; x = 0 } \
 NODE(i, 1) NODE(i, 2) NODE(i, 3) NODE(i, 4) NODE(i, 5) NODE(i, 6) NODE(i, 7) READD(i, 0) READD(i, 1) READD(i, 2) \
 :: d_step { EV && proof[0] && !proof[i] && HONEST(i) -> proof[i] = 1 } \
 :: d_step { ((AWAY >> i) & 1) && !off[i] && !was_off[i] -> off[i] = 1; was_off[i] = 1 } \
 :: d_step { off[i] -> off[i] = 0; unsure[i] = 1 } \
 :: d_step { ((GONE >> i) & 1) && !gone[i] -> gone[i] = 1 }

/* A winner that is lost with the store may be appended again; another's founding may be better than where one is. */
#define NODE(i, c) \
 :: d_step { LIVE(i) && c < nodes && ((kept[i] >> c) & 1) && parent[c] != c && met[i] == incarnation && \
        filled[parent[c]] < LOG && !IN_LOG(parent[c], c) && WIPES -> \
        log[2*parent[c] + filled[parent[c]]] = c; filled[parent[c]]++ } \
 :: d_step { LIVE(i) && c < nodes && FOUNDED(c) && IN(i, c) && BETTER(i, c) -> enter(i, c); unsure[i] = 0; \
        check_removal(i, c); if :: JOIN == 1 -> met[i] = named[c] :: else -> met[i] = incarnation fi }

/* i replaces the leaf of j, which asked for it. */
#define READD(i, j) \
 :: d_step { LIVE(i) && i != j && asks[j] && SURE(i) && own[i] == 0 && IN(j, cur[i]) && nodes < NODES && \
        gen[cur[j]] == gen[cur[i]] && root[cur[j]] == root[cur[i]] && epoch[cur[j]] < epoch[cur[i]] && \
        welcome[j] == 0 -> make(i, cur[i], j + 1, 0) }

#define LIE(i, c) \
 :: d_step { ((BAD >> i) & 1) && c < nodes && IN(i, c) && !gone[i] && lies > 0 && \
        (b_node[i] != c || b_inc[i] != incarnation || !b_set[i]) -> \
        b_set[i] = 1; b_node[i] = c; b_inc[i] = incarnation; lies-- }

#define SETTLED(i) (!stopped[i] && !unsure[i])
#define SAME(i, j) (!LIVE(i) || !LIVE(j) || !HONEST(i) || !HONEST(j) || (cur[i] == cur[j] && SETTLED(i) && SETTLED(j)))

init {
    d_step { members[0] = 7; met[0] = 1; met[1] = 1; met[2] = (FRESH -> (JOIN -> 1 : 0) : 1) }
    do
    MEMBER(0) MEMBER(1) MEMBER(2)
    :: d_step { wipes > 0 -> wipes--; incarnation++; for (y : 0 .. 7) { filled[y] = 0 } for (y : 0 .. 15) { log[y] = 0 } y = 0 }
    LIE(2, 0) LIE(2, 1) LIE(2, 2)
#ifdef CHECK1
    :: s1 -> assert(0)
#endif
#ifdef CHECK2
    :: s2 -> assert(0)
#endif
    :: timeout -> break
    od;
#ifdef CHECKF
    assert(nodes < NODES);
#endif
#ifdef CHECKL
    bounded = (nodes == NODES);
    assert(bounded || (SAME(0, 1) && SAME(0, 2) && SAME(1, 2)))
#endif
}
