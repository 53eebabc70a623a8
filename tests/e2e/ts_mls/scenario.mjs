// SPDX-License-Identifier: Apache-2.0
// A random life of one group whose members are Kith's and ts-mls's, and what must hold all along.
import assert from "node:assert/strict";

import { KithMember } from "./kith_member.mjs";
import { Random } from "./random.mjs";
import { TsMember, tsCanJoin } from "./ts_member.mjs";

export const EPOCHS = 60;
export const MEMBERS_MAX = 20;
const WANTED = { kith: 20, ts: 20, add: 5, remove: 5, update: 5, psk: 5 };
const COMMITTERS_TRIED = 6;
const GROWING = 35; // epochs in which the group is kept from staying small

export class Scenario {
    constructor(seed, program, log) {
        this.random = new Random(seed);
        this.seed = BigInt(seed);
        this.program = program;
        this.log = log;
        this.members = [];
        this.made = 0;
        this.counts = { kith: 0, ts: 0, add: 0, remove: 0, update: 0, psk: 0, empty: 0, byReference: 0, kithJoins: 0,
            tsJoins: 0, tsJoinsAvoided: 0, tsRemovalsUnseen: 0, applicationMessages: 0, readings: 0, lateReadings: 0, lostCommits: 0,
            reloads: 0, mostMembers: 1 };
    }

    newMember(kind) {
        this.made++;
        const name = `${kind}${this.made}`;
        return kind === "kith"
            ? new KithMember(name, this.program, this.seed * 1000n + BigInt(this.made))
            : new TsMember(name);
    }

    ofKind(kind) {
        return this.members.filter((m) => m.kind === kind);
    }

    async play() {
        const founder = this.newMember(this.random.pick(["kith", "ts"]));
        this.members.push(founder);
        await founder.create(this.random.bytes(16));
        for (this.epoch = 1; this.epoch <= EPOCHS; this.epoch++) {
            await this.playEpoch();
            await this.compare();
            await this.talk();
            await this.reloadSome();
            this.counts.mostMembers = Math.max(this.counts.mostMembers, this.members.length);
        }
        for (const [what, least] of Object.entries(WANTED))
            assert.ok(this.counts[what] >= least, `only ${this.counts[what]} of ${what}, wanted ${least}`);
        assert.ok(this.counts.mostMembers > MEMBERS_MAX / 2, `never more than ${this.counts.mostMembers} members`);
        assert.ok(this.counts.tsJoins >= 5 && this.counts.kithJoins >= 5, "too few joins of one kind");
    }

    async end() {
        for (const m of this.members) await m.end();
    }

    // ---- what happens in an epoch ----

    /** What is still missing must happen in the epochs that are left. */
    isDue(what) {
        const left = EPOCHS - this.epoch + 1;
        return this.counts[what] < WANTED[what] && (this.random.oneIn(3) || left <= 2 * (WANTED[what] - this.counts[what]));
    }

    planSize() {
        const count = this.members.length, r = this.random;
        const plan = { addKinds: [], removes: 0, updates: 0, psks: 0 };
        const isSmall = this.epoch <= GROWING && count < 4 + this.epoch / 2 && !r.oneIn(3);
        if (count < 4 || (count < MEMBERS_MAX && (r.oneIn(4) || isSmall || this.isDue("add"))))
            plan.addKinds = Array.from({ length: 1 + r.below(Math.min(3, MEMBERS_MAX - count)) },
                () => r.pick(["kith", "ts"]));
        if (count > 5 && (count >= MEMBERS_MAX || r.oneIn(5) || this.isDue("remove"))) plan.removes = 1 + r.below(2);
        if (count > 3 && (r.oneIn(5) || this.isDue("update"))) plan.updates = 1 + r.below(2);
        if (r.oneIn(6) || this.isDue("psk")) plan.psks = 1 + r.below(2);
        return plan;
    }

    /** Those who may commit, best first: the kind that is behind, and leaves that are unmerged come early. */
    committers(avoid) {
        const left = EPOCHS - this.epoch + 1;
        const behind = ["kith", "ts"].filter((k) => WANTED[k] - this.counts[k] >= left / 2 && this.ofKind(k).length > 0);
        const free = this.random.shuffled(this.members.filter((m) => !avoid.has(m)));
        const first = free.filter((m) => behind.includes(m.kind));
        return [...first, ...free.filter((m) => !first.includes(m))];
    }

    /** At least two members of each kind stay. */
    chooseRemoved(count, avoid) {
        const out = [];
        for (const m of this.random.shuffled(this.members)) {
            const kindLeft = this.ofKind(m.kind).length - out.filter((x) => x.kind === m.kind).length;
            if (out.length < count && !avoid.has(m) && kindLeft > 2) out.push(m);
        }
        return out;
    }

    async playEpoch() {
        const r = this.random, size = this.planSize();
        const updaters = r.shuffled(this.ofKind("kith")).slice(0, size.updates);
        const busy = new Set(updaters);
        const removed = this.chooseRemoved(size.removes, busy);
        const committers = this.committers(new Set([...busy, ...removed]));
        if (committers.length === 0) return this.playEpochEmpty();
        const late = await this.writeLate(removed);
        const byValue = { adds: [], removes: [], psks: [] };
        const joiners = [];

        for (const m of updaters) await this.proposeTo(m, { kind: "update" }, "update");
        for (const m of removed) await this.bring({ kind: "remove", leaf: m.leaf }, byValue.removes, m.leaf, busy, removed);
        for (let i = 0; i < size.psks; i++) {
            const id = r.bytes(1 + r.below(20)), value = r.bytes(32);
            for (const m of this.members) await m.knowPsk(id, value);
            byValue.known = [...(byValue.known ?? []), [id, value]];
            await this.bring({ kind: "psk", id }, byValue.psks, id, busy, removed);
        }
        for (const kind of size.addKinds) joiners.push(await this.bringJoiner(kind, byValue, busy, removed));
        await this.commitAndFollow({ committers, byValue, joiners, removed, late });
    }

    async playEpochEmpty() {
        const byValue = { adds: [], removes: [], psks: [] };
        await this.commitAndFollow({ committers: this.committers(new Set()), byValue, joiners: [], removed: [],
            late: [] });
    }

    /** A proposal by reference, half the time; else it is left to the commit. */
    async bring(proposal, list, value, busy, removed) {
        const what = proposal.kind;
        const proposers = this.members.filter((m) => !removed.includes(m));
        if (this.random.oneIn(2)) {
            await this.proposeTo(this.random.pick(proposers), proposal, what);
        } else {
            list.push(value);
            this.counts[what]++;
        }
    }

    async proposeTo(member, proposal, what) {
        const message = await member.propose(proposal, this.random.oneIn(2));
        await Promise.all(this.members.filter((m) => m !== member).map((m) => m.process(message)));
        this.counts[what]++;
        this.counts.byReference++;
    }

    /** ts-mls joiners by value only, so that they can be replaced (see tsCanJoin). */
    async bringJoiner(kind, byValue, busy, removed) {
        const member = this.newMember(kind);
        for (const [id, value] of byValue.known ?? []) await member.knowPsk(id, value);
        const keyPackage = await member.keyPackage();
        if (kind === "ts") {
            byValue.adds.push(keyPackage);
            this.counts.add++;
        } else {
            await this.bring({ kind: "add", keyPackage }, byValue.adds, keyPackage, busy, removed);
        }
        return { member, keyPackage };
    }

    // ---- commits ----

    /** The first committer whose new tree ts-mls joiners take; else they are replaced by joiners of Kith's. */
    async findCommit({ committers, byValue, joiners }) {
        const isPublic = this.random.oneIn(2);
        const judge = this.ofKind("ts")[0];
        const tsJoins = joiners.some((j) => j.member.kind === "ts");
        for (const committer of committers.slice(0, COMMITTERS_TRIED)) {
            const commit = await committer.commit(byValue, isPublic);
            if (!tsJoins || !judge || (await tsCanJoin(commit.tree, judge))) return { committer, ...commit };
        }
        for (const j of joiners.filter((x) => x.member.kind === "ts")) {
            const at = byValue.adds.indexOf(j.keyPackage);
            j.member = this.newMember("kith");
            for (const [id, value] of byValue.known ?? []) await j.member.knowPsk(id, value);
            byValue.adds[at] = j.keyPackage = await j.member.keyPackage();
            this.counts.tsJoinsAvoided++;
        }
        const committer = committers[0];
        return { committer, ...(await committer.commit(byValue, isPublic)) };
    }

    async commitAndFollow(plan) {
        const { committer, message, welcome } = await this.findCommit(plan);
        if (this.random.oneIn(4)) await this.loseRace(committer, plan);
        const { joiners, removed, late } = plan;
        // ts-mls 1.6.4 does not notice its removal when the same commit puts a new member on its leaf.
        const isDeaf = (m) => m.kind === "ts" && removed.includes(m) && joiners.length > 0;
        this.counts.tsRemovalsUnseen += this.members.filter(isDeaf).length;
        await Promise.all(this.members.filter((m) => !isDeaf(m)).map(async (m) => {
            const result = await m.process(message);
            assert.equal(result.own, m === committer, `${m.name}: whose commit`);
            assert.equal(result.removed, removed.includes(m), `${m.name}: removed or not`);
        }));
        for (const m of removed) await m.end();
        this.members = this.members.filter((m) => !removed.includes(m));
        await this.readLate(late);
        for (const { member } of joiners) {
            await member.join(welcome);
            this.members.push(member);
            this.counts[`${member.kind}Joins`]++;
        }
        this.counts[committer.kind]++;
        this.describe(committer, plan);
    }

    /** Somebody else commits at the same moment; theirs is never delivered, and they take the winner's. */
    async loseRace(committer, { removed }) {
        const others = this.members.filter((m) => m !== committer && m.kind === "kith" && !removed.includes(m));
        if (others.length === 0) return;
        const loser = this.random.pick(others);
        await loser.commit({ adds: [], removes: [], psks: [] }, false);
        if (this.random.oneIn(2)) await loser.reload();
        this.counts.lostCommits++;
    }

    describe(committer, { joiners, removed, byValue }) {
        const parts = [`epoch ${this.epoch}: ${committer.name} commits`];
        if (joiners.length) parts.push(`joined ${joiners.map((j) => j.member.name).join(", ")}`);
        if (removed.length) parts.push(`removed ${removed.map((m) => m.name).join(", ")}`);
        if (byValue.known) parts.push(`${byValue.known.length} PSKs`);
        if (parts.length === 1) this.counts.empty++;
        parts.push(`${this.members.length} members`);
        this.log(parts.join("; "));
    }

    // ---- what must hold ----

    async compare() {
        const views = await Promise.all(this.members.map((m) => m.view("kith e2e")));
        for (const [i, view] of views.entries()) {
            assert.deepEqual(view, views[0], `${this.members[i].name} and ${this.members[0].name} disagree`);
        }
        assert.equal(views[0].epoch, this.epoch);
        assert.equal(views[0].members.split(" ").length, this.members.length);
    }

    /** One of each kind says something, some of them twice; everybody else reads it, perhaps in another order. */
    async talk() {
        const messages = [];
        for (const kind of ["kith", "ts"]) {
            const speakers = this.ofKind(kind);
            if (speakers.length === 0) continue;
            const speaker = this.random.pick(speakers);
            for (let i = 0; i <= this.random.below(3); i++) messages.push(await this.say(speaker));
        }
        await Promise.all(this.members.map((m) => this.read(m, this.random.shuffled(messages))));
    }

    async say(speaker) {
        const text = this.random.bytes(this.random.below(300));
        this.counts.applicationMessages++;
        return { speaker, text, message: await speaker.protect(text) };
    }

    async read(member, messages) {
        for (const { speaker, text, message } of messages) {
            if (speaker === member) continue;
            assert.deepEqual([...(await member.unprotect(message))], [...text], `${member.name} reads ${speaker.name}`);
            this.counts.readings++;
        }
    }

    /** Said before the commit, read after it. */
    async writeLate(removed) {
        if (!this.random.oneIn(3) || this.members.length < 2) return [];
        return [await this.say(this.random.pick(this.members.filter((m) => !removed.includes(m))))];
    }

    async readLate(late) {
        const before = this.counts.readings;
        for (const m of this.members) await this.read(m, late);
        this.counts.lateReadings += this.counts.readings - before;
    }

    async reloadSome() {
        for (const m of this.ofKind("kith")) {
            if (!this.random.oneIn(5)) continue;
            await m.reload();
            this.counts.reloads++;
        }
    }
}
