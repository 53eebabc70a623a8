/* SPDX-License-Identifier: Apache-2.0 */
/* A relay shows two orders of commits to the readers of one epoch, and then lets each branch go on, or keeps one member
 * behind. Do beacons find it?
 *
 * Members 0 and 1 are honest. From epoch 1 on each is in a branch of its own. The relay shows each of them the next
 * commits of its branch, as far as it likes; beacons travel elsewhere and are not lost.
 *
 * CMP 0  a beacon is compared when its epoch is one's own present one
 *     1  and with one's record of past epochs
 *     2  and a peer that is ahead, and stays so for a day, is an alarm too         (as built)
 * WITHHELD: the property is asked of a member that is kept behind; without it, of two branches. */
#ifndef CMP
#define CMP 2
#endif
#define EPOCHS 4

byte epoch[2];       /* 0: before the fork; else an epoch of one's own branch */
bit forked, alarm;
bit stopped;         /* the relay shows nothing more: so a day passes */
byte beacon[2];      /* in the other's letterbox: the sender's epoch when it was sent */
bit there[2];

#define DIFFERS(e) (forked && (e) > 0)
#define UNEQUAL(me) ( \
    (beacon[me] == epoch[me] && DIFFERS(epoch[me])) || \
    (CMP > 0 && beacon[me] < epoch[me] && DIFFERS(beacon[me])) || \
    (CMP == 2 && beacon[me] > epoch[me] && stopped))

active proctype relay() {
    forked = 1;
    do
    :: atomic { !stopped && epoch[0] < EPOCHS -> epoch[0]++ }
    :: atomic { !stopped && epoch[1] < EPOCHS -> epoch[1]++ }
    :: stopped = 1 -> break
    od
}

active proctype send0() {
    do
    :: atomic { !alarm && !there[1] -> beacon[1] = epoch[0]; there[1] = 1 }
    od
}

active proctype receive0() {
    do
    :: atomic { there[0] -> there[0] = 0; if :: UNEQUAL(0) -> alarm = 1 :: else fi }
    od
}

active proctype send1() {
    do
    :: atomic { !alarm && !there[0] -> beacon[0] = epoch[1]; there[0] = 1 }
    od
}

active proctype receive1() {
    do
    :: atomic { there[1] -> there[1] = 0; if :: UNEQUAL(1) -> alarm = 1 :: else fi }
    od
}

#ifdef LTL
#ifdef WITHHELD
ltl noticed { (<> [] (stopped && epoch[0] != epoch[1])) -> <> alarm }
#else
ltl noticed { (<> [] (epoch[0] > 0 && epoch[1] > 0)) -> <> alarm }
#endif
#endif
