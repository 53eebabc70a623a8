// SPDX-License-Identifier: Apache-2.0
// A member of the group that is ours: a process of build/tests/mls_peer (its protocol stands at the top of its source).
import { spawn } from "node:child_process";
import { createInterface } from "node:readline";

const hex = (bytes) => Buffer.from(bytes).toString("hex");
const unhex = (text) => Uint8Array.from(Buffer.from(text, "hex"));

export class KithMember {
    kind = "kith";

    constructor(name, program, seed) {
        this.name = name;
        this.child = spawn(program, ["--seed", String(seed)], { stdio: ["pipe", "pipe", "inherit"] });
        this.waiting = [];
        createInterface({ input: this.child.stdout }).on("line", (line) => this.waiting.shift().resolve(line));
        this.child.on("exit", (code, signal) => {
            for (const w of this.waiting.splice(0)) w.reject(new Error(`${name}: mls_peer ended: ${code ?? signal}`));
        });
    }

    async call(cmd, args = {}) {
        const line = await new Promise((resolve, reject) => {
            this.waiting.push({ resolve, reject });
            this.child.stdin.write(JSON.stringify({ cmd, ...args }) + "\n");
        });
        const answer = JSON.parse(line);
        if (!answer.ok) throw new Error(`${this.name}: ${cmd}: ${answer.status} (${answer.text})`);
        if (answer.leaf !== undefined) this.leaf = answer.leaf;
        return answer;
    }

    async keyPackage() {
        return unhex((await this.call("key_package", { identity: hex(Buffer.from(this.name)) })).key_package);
    }

    async create(groupId) {
        await this.call("create", { group_id: hex(groupId), identity: hex(Buffer.from(this.name)) });
    }

    async join(welcome) {
        await this.call("join", { welcome: hex(welcome) });
    }

    async knowPsk(id, value) {
        await this.call("know_psk", { id: hex(id), value: hex(value) });
    }

    async propose(p, isPublic) {
        const args = { public: isPublic };
        if (p.keyPackage) args.key_package = hex(p.keyPackage);
        if (p.leaf !== undefined) args.leaf = p.leaf;
        if (p.id) args.id = hex(p.id);
        return unhex((await this.call(p.kind, args)).message);
    }

    /** Nothing changes until the message is processed; a second commit drops the first. */
    async commit({ adds, removes, psks }, isPublic) {
        const answer = await this.call("commit", {
            adds: adds.map(hex), removes, psks: psks.map(hex), public: isPublic,
        });
        return {
            message: unhex(answer.message),
            welcome: answer.welcome && unhex(answer.welcome),
            tree: unhex(answer.tree),
        };
    }

    async process(message) {
        return this.call("process", { message: hex(message) });
    }

    async protect(plaintext) {
        return unhex((await this.call("protect", { plaintext: hex(plaintext), padding: plaintext.length % 7 })).message);
    }

    async unprotect(message) {
        return unhex((await this.call("unprotect", { message: hex(message) })).plaintext);
    }

    /** What all members must agree on. */
    async view(label) {
        const s = await this.call("authenticator");
        const e = await this.call("export", { label, context: "0102", length: 40 });
        const m = await this.call("members");
        return {
            epoch: s.epoch, authenticator: s.authenticator, exported: e.secret, treeHash: m.tree_hash,
            members: m.members.map((x) => `${x.leaf}:${Buffer.from(x.identity, "hex")}`).join(" "),
        };
    }

    /** Throws the group away and loads it from what it has stored. */
    async reload() {
        await this.call("reload");
    }

    async end() {
        this.child.stdin.end();
    }
}
