// SPDX-License-Identifier: Apache-2.0
// A member of the group that is ts-mls 1.6.4.
import { webcrypto } from "node:crypto";

globalThis.crypto ??= webcrypto; // Node 18 has it under this name only
const mls = await import("ts-mls");
const { validateRatchetTree } = await import("ts-mls/clientState.js");
const { defaultClientConfig } = await import("ts-mls/clientConfig.js");
const { decodeRatchetTree } = await import("ts-mls/ratchetTree.js");
const { treeHashRoot } = await import("ts-mls/treeHash.js");

const SUITE = "MLS_128_DHKEMX25519_CHACHA20POLY1305_SHA256_Ed25519";
const suite = await mls.getCiphersuiteImpl(mls.getCiphersuiteFromName(SUITE));
const hex = (bytes) => Buffer.from(bytes).toString("hex");
const same = (a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)) === 0;

function decode(message, wireformat) {
    const [m] = mls.decodeMlsMessage(message, 0);
    if (m.wireformat !== wireformat) throw new Error(`a ${m.wireformat}, not a ${wireformat}`);
    return m;
}

/**
 * ts-mls 1.6.4 refuses some valid trees at join: it wants equal unmerged_leaves in all parents above an unmerged leaf. Tells
 * whether it would take this one. Any other objection of its is a failure of the test.
 */
export async function tsCanJoin(tree, member) {
    const decoded = tree instanceof Uint8Array ? decodeRatchetTree(tree, 0)[0] : tree;
    const hash = await treeHashRoot(decoded, suite.hash);
    const why = await validateRatchetTree(decoded, member.state.groupContext, defaultClientConfig.lifetimeConfig,
        defaultClientConfig.authService, hash, suite);
    if (why === undefined) return true;
    if (/must list leaf node in its unmerged_leaves/.test(why.message)) return false;
    throw why;
}

export class TsMember {
    kind = "ts";

    constructor(name) {
        this.name = name;
        this.psks = {};
    }

    get leaf() {
        return this.state.privatePath.leafIndex;
    }

    pskIndex() {
        return mls.makePskIndex(this.state, this.psks);
    }

    async keyPackage() {
        const capabilities = { versions: ["mls10"], ciphersuites: [SUITE], extensions: [], proposals: [],
            credentials: ["basic"] };
        const credential = { credentialType: "basic", identity: Uint8Array.from(Buffer.from(this.name)) };
        this.own = await mls.generateKeyPackage(credential, capabilities, mls.defaultLifetime, [], suite);
        return mls.encodeMlsMessage({ version: "mls10", wireformat: "mls_key_package",
            keyPackage: this.own.publicPackage });
    }

    async create(groupId) {
        await this.keyPackage();
        this.state = await mls.createGroup(groupId, this.own.publicPackage, this.own.privatePackage, [], suite);
    }

    async join(welcome) {
        const m = decode(welcome, "mls_welcome");
        this.state = await mls.joinGroup(m.welcome, this.own.publicPackage, this.own.privatePackage,
            this.pskIndex(), suite);
    }

    async knowPsk(id, value) {
        this.psks[mls.bytesToBase64(id)] = value;
    }

    proposal(p) {
        switch (p.kind) {
        case "add":
            return { proposalType: "add", add: { keyPackage: decode(p.keyPackage, "mls_key_package").keyPackage } };
        case "remove":
            return { proposalType: "remove", remove: { removed: p.leaf } };
        case "psk": {
            const pskNonce = globalThis.crypto.getRandomValues(new Uint8Array(32));
            return { proposalType: "psk", psk: { preSharedKeyId: { psktype: "external", pskId: p.id, pskNonce } } };
        }
        default: // 1.6.4 cannot propose its own Update: it would not know the new leaf's private key later
            throw new Error(`ts-mls cannot propose ${p.kind}`);
        }
    }

    async propose(p, isPublic) {
        const { newState, message } = await mls.createProposal(this.state, isPublic, this.proposal(p), suite);
        this.state = newState;
        return mls.encodeMlsMessage(message);
    }

    async commit({ adds, removes, psks }, isPublic) {
        const extraProposals = [
            ...adds.map((keyPackage) => this.proposal({ kind: "add", keyPackage })),
            ...removes.map((leaf) => this.proposal({ kind: "remove", leaf })),
            ...psks.map((id) => this.proposal({ kind: "psk", id })),
        ];
        const { newState, commit, welcome } = await mls.createCommit(
            { state: this.state, cipherSuite: suite, pskIndex: this.pskIndex() },
            { extraProposals, wireAsPublicMessage: isPublic, ratchetTreeExtension: true });
        const message = mls.encodeMlsMessage(commit);
        this.pending = { message, newState };
        return {
            message,
            welcome: welcome && mls.encodeMlsMessage({ version: "mls10", wireformat: "mls_welcome", welcome }),
            tree: newState.ratchetTree,
        };
    }

    async process(message) {
        const own = this.pending !== undefined && same(this.pending.message, message);
        if (own) {
            this.state = this.pending.newState;
        } else {
            const [m] = mls.decodeMlsMessage(message, 0);
            const result = m.wireformat === "mls_public_message"
                ? await mls.processPublicMessage(this.state, m.publicMessage, this.pskIndex(), suite)
                : await mls.processPrivateMessage(this.state, m.privateMessage, this.pskIndex(), suite);
            this.state = result.newState;
        }
        return { own, removed: this.state.groupActiveState.kind === "removedFromGroup" };
    }

    async protect(plaintext) {
        const { newState, privateMessage } = await mls.createApplicationMessage(this.state, plaintext, suite);
        this.state = newState;
        return mls.encodeMlsMessage({ version: "mls10", wireformat: "mls_private_message", privateMessage });
    }

    async unprotect(message) {
        const m = decode(message, "mls_private_message");
        const result = await mls.processPrivateMessage(this.state, m.privateMessage, this.pskIndex(), suite);
        if (result.kind !== "applicationMessage") throw new Error(`${this.name}: not application data`);
        this.state = result.newState;
        return result.message;
    }

    async view(label) {
        const exported = await mls.mlsExporter(this.state.keySchedule.exporterSecret, label,
            Uint8Array.of(1, 2), 40, suite);
        const members = this.state.ratchetTree
            .map((node, i) => (node?.nodeType === "leaf" ? `${i / 2}:${Buffer.from(node.leaf.credential.identity)}` : ""))
            .filter((x) => x !== "");
        return {
            epoch: Number(this.state.groupContext.epoch),
            authenticator: hex(this.state.keySchedule.epochAuthenticator),
            exported: hex(exported),
            treeHash: hex(this.state.groupContext.treeHash),
            members: members.join(" "),
        };
    }

    async reload() {}

    async end() {}
}
