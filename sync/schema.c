/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/schema.h"

#include <assert.h>

#include "device/vault.h"
#include "sync/search.h"

/* Every id is a BLOB; every `*_at` and `*_ms` is wall milliseconds. `log`, `letterbox`, `mls_group` are
 * numbered locally; scopes, families, persons, devices, entries go by the ids that everybody knows. */
static const char *const step_sql[] = {
    /* ---- who this device is ---- */
    /* One value each: who this device is, counters, the newest hlc. */
    "CREATE TABLE meta(key TEXT PRIMARY KEY, value ANY) STRICT, WITHOUT ROWID;",
    /* ---- relays, logs, blocks on their way ---- */
    "CREATE TABLE relay(id INTEGER PRIMARY KEY, address TEXT NOT NULL UNIQUE, incarnation BLOB,"
    " time_skew_ms INTEGER NOT NULL DEFAULT 0) STRICT;"
    /* kind and owner say whose records these are (enum log_kind). cursor: the last seq that was read; safe:
     * where to read again from after a restart (below a message of which only some fragments came). */
    "CREATE TABLE log(id INTEGER PRIMARY KEY, relay INTEGER NOT NULL REFERENCES relay, log_id BLOB NOT NULL "
    "UNIQUE,"
    " kind INTEGER NOT NULL, owner INTEGER NOT NULL, epoch INTEGER NOT NULL, hashes BLOB NOT NULL,"
    " write_token BLOB, read_token BLOB, trim_token BLOB, block_key BLOB NOT NULL,"
    " listening INTEGER NOT NULL, gap_to INTEGER NOT NULL DEFAULT 0, cursor INTEGER NOT NULL DEFAULT 0, "
    "grown INTEGER NOT NULL DEFAULT 0, safe "
    "INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE INDEX log_owner ON log(kind, owner, epoch);"
    "CREATE TABLE outbox(id INTEGER PRIMARY KEY AUTOINCREMENT, log INTEGER NOT NULL REFERENCES log ON DELETE "
    "CASCADE,"
    " purpose INTEGER NOT NULL, owner INTEGER NOT NULL, block_id BLOB NOT NULL, block BLOB NOT NULL) STRICT;"
    "CREATE INDEX outbox_log ON outbox(log, id);",
    /* ---- groups ---- */
    "CREATE TABLE mls_group(id INTEGER PRIMARY KEY, scope BLOB NOT NULL, generation INTEGER NOT NULL,"
    " kind INTEGER NOT NULL, state INTEGER NOT NULL, why TEXT NOT NULL DEFAULT '', relay INTEGER NOT NULL,"
    " founding BLOB NOT NULL, epoch INTEGER NOT NULL, log INTEGER, pending INTEGER NOT NULL DEFAULT 0,"
    " pending_epoch INTEGER, pending_at INTEGER, gap_at INTEGER NOT NULL DEFAULT 0, asked_at INTEGER NOT "
    "NULL DEFAULT 0, beacon_at INTEGER NOT NULL DEFAULT 0,"
    " dirty INTEGER NOT NULL DEFAULT 1, sent_count INTEGER NOT "
    "NULL DEFAULT 0,"
    " refreshed_at INTEGER NOT NULL, have_at INTEGER NOT NULL DEFAULT 0, founded_at INTEGER NOT NULL,"
    " subject_family BLOB, subject_person BLOB, peer_family BLOB, peer_person BLOB) STRICT;"
    "CREATE INDEX mls_group_scope ON mls_group(scope, generation);" /* a re-added device has the same group
                                                                       twice */
    "CREATE TABLE mls_record(grp INTEGER NOT NULL REFERENCES mls_group ON DELETE CASCADE, key BLOB NOT NULL,"
    " value BLOB NOT NULL, PRIMARY KEY(grp, key)) STRICT, WITHOUT ROWID;"
    /* What remains of each epoch: for beacons (60 days) and for the rule about who committed last. */
    "CREATE TABLE epoch(grp INTEGER NOT NULL REFERENCES mls_group ON DELETE CASCADE, epoch INTEGER NOT NULL,"
    " authenticator BLOB NOT NULL, author_family BLOB, author_person BLOB, began_at INTEGER NOT NULL, "
    "new_person INTEGER NOT NULL DEFAULT 0,"
    " PRIMARY KEY(grp, epoch)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE evidence(grp INTEGER NOT NULL REFERENCES mls_group ON DELETE CASCADE, epoch INTEGER NOT "
    "NULL,"
    " hash BLOB NOT NULL, record BLOB NOT NULL, PRIMARY KEY(grp, epoch, hash)) STRICT, WITHOUT ROWID;"
    /* Letters that wait for the group's pending commit to win. */
    "CREATE TABLE pending_letter(id INTEGER PRIMARY KEY, grp INTEGER NOT NULL REFERENCES mls_group ON DELETE "
    "CASCADE,"
    " type INTEGER NOT NULL, box BLOB NOT NULL, to_family BLOB NOT NULL, to_person BLOB NOT NULL,"
    " body BLOB NOT NULL) STRICT;"
    /* Epochs of members as their beacons last told, for "removed on all devices" and alarms. */
    "CREATE TABLE readd(grp INTEGER NOT NULL REFERENCES mls_group ON DELETE CASCADE, device BLOB NOT NULL,"
    " request BLOB NOT NULL, due_at INTEGER NOT NULL, PRIMARY KEY(grp, device)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE beacon(told_at INTEGER NOT NULL DEFAULT 0, grp INTEGER NOT NULL REFERENCES mls_group ON "
    "DELETE CASCADE, device BLOB NOT NULL,"
    " epoch INTEGER NOT NULL, authenticator BLOB NOT NULL, at_ms INTEGER NOT NULL, ahead_since INTEGER NOT "
    "NULL DEFAULT 0,"
    " PRIMARY KEY(grp, device)) STRICT, WITHOUT ROWID;",
    /* ---- journals ---- */
    /* id grows in the order of arrival. attested: it chains to a head that its author announced. outbox: the
     * block that carries it; acked: at the relay. sent_epoch: NULL while it waits to be sealed. via: who
     * passed it on. applied: enum entry_applied. */
    "CREATE TABLE entry(id INTEGER PRIMARY KEY AUTOINCREMENT, scope BLOB NOT NULL, author BLOB NOT NULL,"
    " seq INTEGER NOT NULL, hash BLOB NOT NULL, prev BLOB NOT NULL, hlc INTEGER NOT NULL, kind INTEGER NOT "
    "NULL,"
    " has_body INTEGER NOT NULL, entry BLOB NOT NULL, attested INTEGER NOT NULL, applied INTEGER NOT NULL "
    "DEFAULT 0,"
    " fork INTEGER NOT NULL DEFAULT 0, own INTEGER NOT NULL DEFAULT 0, sent_epoch INTEGER, outbox INTEGER,"
    " acked INTEGER NOT NULL DEFAULT 0, via BLOB, arrived_at INTEGER NOT NULL, UNIQUE(scope, hash)) STRICT;"
    "CREATE INDEX entry_author ON entry(scope, author, seq);"
    "CREATE INDEX entry_kind ON entry(scope, kind, id);"
    "CREATE INDEX entry_withheld ON entry(scope) WHERE applied = 3;"
    "CREATE INDEX entry_unsent ON entry(scope, id) WHERE own = 1 AND acked = 0;"
    /* Where an author's journal begins here (its head in our Admission), what it announced last, and its pin.
     */
    "CREATE TABLE head(scope BLOB NOT NULL, author BLOB NOT NULL, base_seq INTEGER NOT NULL DEFAULT 0, "
    "base_hash BLOB,"
    " cont_seq INTEGER NOT NULL DEFAULT 0, cont_hash BLOB, told_seq INTEGER NOT NULL DEFAULT 0, told_hash "
    "BLOB, pin_seq INTEGER, pin_hash BLOB,"
    " PRIMARY KEY(scope, author)) STRICT, WITHOUT ROWID;"
    /* Entries that a member lacks, to be sent again at a moment that differs from member to member. */
    "CREATE TABLE repair(scope BLOB NOT NULL, author BLOB NOT NULL, from_seq INTEGER NOT NULL, due_at "
    "INTEGER NOT NULL,"
    " PRIMARY KEY(scope, author)) STRICT, WITHOUT ROWID;",
    /* ---- families ---- */
    "CREATE TABLE chain(family BLOB NOT NULL, chain INTEGER NOT NULL, height INTEGER NOT NULL, hash BLOB NOT "
    "NULL,"
    " entry BLOB NOT NULL, PRIMARY KEY(family, chain, height)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE chain_rival(family BLOB NOT NULL, chain INTEGER NOT NULL, height INTEGER NOT NULL, entry "
    "BLOB NOT NULL,"
    " at_ms INTEGER NOT NULL) STRICT;"
    /* Chain changes that this device wants; made into entries on the heads of the moment, until one wins. */
    "CREATE TABLE chain_wish(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, body BLOB NOT NULL, state "
    "INTEGER NOT NULL,"
    " at_ms INTEGER NOT NULL) STRICT;"
    "CREATE TABLE certificate(device BLOB PRIMARY KEY, family BLOB NOT NULL, person BLOB NOT NULL,"
    " supervised INTEGER NOT NULL, not_after_ms INTEGER NOT NULL, certificate BLOB NOT NULL) STRICT, WITHOUT "
    "ROWID;"
    /* What this device knows of others' devices: where to put letters, when it heard of them. */
    "CREATE TABLE device(device BLOB PRIMARY KEY, letterbox BLOB, seen_at INTEGER NOT NULL DEFAULT 0)"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE own_key_package(ref BLOB PRIMARY KEY, for_device BLOB NOT NULL, last_resort INTEGER NOT "
    "NULL,"
    " message BLOB NOT NULL, record BLOB NOT NULL, at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE peer_key_package(ref BLOB PRIMARY KEY, device BLOB NOT NULL, last_resort INTEGER NOT NULL,"
    " message BLOB NOT NULL, at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE INDEX peer_key_package_device ON peer_key_package(device, last_resort, at_ms);"
    "CREATE TABLE pairing(id INTEGER PRIMARY KEY, state INTEGER NOT NULL, failed TEXT NOT NULL DEFAULT '',"
    " new_device INTEGER NOT NULL, expires_at INTEGER NOT NULL, session BLOB NOT NULL, fields BLOB NOT NULL) "
    "STRICT;",
    /* ---- letterboxes and contacts ---- */
    /* kind: enum letterbox_kind; box: the encoded letterbox as given out; taken: messages that counted. */
    "CREATE TABLE letterbox(id INTEGER PRIMARY KEY, kind INTEGER NOT NULL, log INTEGER, box BLOB NOT NULL,"
    " hpke_private BLOB, owner_family BLOB NOT NULL, owner_person BLOB NOT NULL, peer_family BLOB, "
    "peer_person BLOB,"
    " expires_at INTEGER NOT NULL, uses INTEGER NOT NULL, taken INTEGER NOT NULL DEFAULT 0,"
    " void INTEGER NOT NULL DEFAULT 0, key_id BLOB NOT NULL UNIQUE) STRICT;"
    "CREATE TABLE admission_wait(id INTEGER PRIMARY KEY, body BLOB NOT NULL, certificate BLOB NOT NULL,"
    " at_ms INTEGER NOT NULL, next_at INTEGER NOT NULL) STRICT;"
    "CREATE TABLE letter_seen(hash BLOB PRIMARY KEY, at_ms INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE invite(id BLOB PRIMARY KEY, person BLOB NOT NULL, invite BLOB NOT NULL, card_write_token "
    "BLOB,"
    " own INTEGER NOT NULL, expires_at INTEGER NOT NULL, void INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT "
    "ROWID;"
    "CREATE TABLE request(id BLOB PRIMARY KEY, kind INTEGER NOT NULL, person BLOB NOT NULL, other_family "
    "BLOB NOT NULL,"
    " other_person BLOB NOT NULL, other_name TEXT NOT NULL, other_supervised INTEGER NOT NULL, note TEXT NOT "
    "NULL,"
    " how INTEGER NOT NULL, state INTEGER NOT NULL, at_ms INTEGER NOT NULL, days INTEGER NOT NULL DEFAULT 0,"
    " body BLOB NOT NULL, extra BLOB) STRICT, WITHOUT ROWID;"
    "CREATE TABLE decision(request BLOB NOT NULL, entry BLOB NOT NULL, parent BLOB NOT NULL, yes INTEGER NOT "
    "NULL,"
    " hlc INTEGER NOT NULL, reason TEXT NOT NULL, knew BLOB NOT NULL, PRIMARY KEY(request, entry)) STRICT, "
    "WITHOUT ROWID;"
    "CREATE TABLE contact(person BLOB NOT NULL, family BLOB NOT NULL, other BLOB NOT NULL, name TEXT NOT "
    "NULL,"
    " supervised INTEGER NOT NULL, state INTEGER NOT NULL, scope BLOB NOT NULL, generation INTEGER NOT NULL "
    "DEFAULT 0,"
    " their_box BLOB, since_at INTEGER NOT NULL, PRIMARY KEY(person, family, other)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE conversation_wish(person BLOB NOT NULL, family BLOB NOT NULL, other BLOB NOT NULL, name "
    "TEXT NOT NULL,"
    " supervised INTEGER NOT NULL, key_package BLOB NOT NULL, certificate BLOB NOT NULL, box BLOB NOT NULL,"
    " at_ms INTEGER NOT NULL, PRIMARY KEY(person, family, other)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE permit(child_family BLOB NOT NULL, child BLOB NOT NULL, contact_family BLOB NOT NULL,"
    " contact BLOB NOT NULL, serial INTEGER NOT NULL, kinds INTEGER NOT NULL, oversight INTEGER NOT NULL,"
    " not_before_ms INTEGER NOT NULL, not_after_ms INTEGER NOT NULL, enough INTEGER NOT NULL, permit BLOB "
    "NOT NULL,"
    " PRIMARY KEY(child_family, child, contact_family, contact, serial)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE withdrawal(child_family BLOB NOT NULL, child BLOB NOT NULL, contact_family BLOB NOT NULL,"
    " contact BLOB NOT NULL, serial INTEGER NOT NULL, withdrawal BLOB NOT NULL,"
    " PRIMARY KEY(child_family, child, contact_family, contact, serial)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE revocation(device BLOB PRIMARY KEY, family BLOB NOT NULL, person BLOB NOT NULL,"
    " revocation BLOB NOT NULL, at_ms INTEGER NOT NULL, told INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT "
    "ROWID;",
    /* ---- what people are told ---- */
    "CREATE TABLE notice(seq INTEGER PRIMARY KEY AUTOINCREMENT, kind INTEGER NOT NULL, at_ms INTEGER NOT "
    "NULL,"
    " who TEXT NOT NULL, what TEXT NOT NULL, scope BLOB NOT NULL) STRICT;",
    /* ---- gaps, what waits for its writer, what is forgotten ---- */
    /* read_at: when the log of the present epoch was last read to its end; reading_since: since when that has
     * been so without a break. gap_nonce: what others' beacons have to name; gap_why: the cause. forgotten:
     * epochs below it have no secrets here any more. refresh_at: the moment drawn for the next refresh. */
    "ALTER TABLE mls_group ADD COLUMN read_at INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE mls_group ADD COLUMN reading_since INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE mls_group ADD COLUMN gap_nonce BLOB;"
    "ALTER TABLE mls_group ADD COLUMN gap_why TEXT NOT NULL DEFAULT '';"
    "ALTER TABLE mls_group ADD COLUMN gap_told INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE mls_group ADD COLUMN forgotten INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE mls_group ADD COLUMN refresh_at INTEGER NOT NULL DEFAULT 0;"
    /* gap_epoch: where the member stands by a beacon that counts in the present gap. ask: a nonce that it
     * waits for in ours. */
    "ALTER TABLE beacon ADD COLUMN gap_epoch INTEGER NOT NULL DEFAULT -1;"
    "ALTER TABLE beacon ADD COLUMN ask BLOB;"
    "ALTER TABLE beacon ADD COLUMN answered_at INTEGER NOT NULL DEFAULT 0;"
    /* held: an own text that its writer is asked about before it is sent (§5.3). */
    "ALTER TABLE entry ADD COLUMN held INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE letter_seen ADD COLUMN type INTEGER NOT NULL DEFAULT 0;"
    /* Chain entries of removals that came by letter, before their commit. */
    "CREATE TABLE removal_record(id INTEGER PRIMARY KEY, device BLOB NOT NULL, hash BLOB NOT NULL UNIQUE,"
    " record BLOB NOT NULL, at_ms INTEGER NOT NULL) STRICT;",
    /* ---- search: sync/search.h ----
     * Who changes SEARCH_SHOWN makes the last three indexes anew in a step of its own. */
    "ALTER TABLE entry ADD COLUMN found INTEGER NOT NULL DEFAULT 0;"
    "CREATE UNIQUE INDEX entry_found ON entry(found) WHERE found > 0;"
    "CREATE INDEX entry_unfound ON entry(id) WHERE found = 0 AND " SEARCH_SHOWN ";"
    "CREATE INDEX entry_hidden ON entry(id) WHERE found > 0 AND has_body = 1 AND NOT (" SEARCH_SHOWN ");"
    "CREATE INDEX entry_emptied ON entry(id) WHERE found > 0 AND has_body = 0;"
    "CREATE VIRTUAL TABLE search USING fts5(text, place, content = '', detail = full,"
    " tokenize = 'unicode61 remove_diacritics 2');",
    /* ---- bulk: history at full size ---- */
    "CREATE INDEX entry_hlc ON entry(scope, hlc);"
    "CREATE INDEX entry_said ON entry(hlc) WHERE kind = 1 AND has_body = 1;"
    "CREATE INDEX entry_due ON entry(id) WHERE applied = 0 AND attested = 1 AND fork = 0 AND has_body = 1;"
    "CREATE INDEX entry_outbox ON entry(outbox) WHERE outbox IS NOT NULL;"
    /* Where the walk along a chain that is attested goes on. */
    "CREATE TABLE attest_due(entry INTEGER PRIMARY KEY REFERENCES entry ON DELETE CASCADE, kind INTEGER NOT "
    "NULL)"
    " STRICT;"
    "ALTER TABLE log ADD COLUMN trimming INTEGER NOT NULL DEFAULT 0;"
    /* What we give: state: enum history_give_state; part: the next number; told: the first part that no page
     * told of; answers: the want. plan: what is left, below_hlc moving down; untold: for the next page. */
    "CREATE TABLE history_give(id INTEGER PRIMARY KEY AUTOINCREMENT, device BLOB NOT NULL, answers BLOB NOT "
    "NULL,"
    " log INTEGER NOT NULL DEFAULT 0, state INTEGER NOT NULL, part INTEGER NOT NULL DEFAULT 0, told INTEGER "
    "NOT"
    " NULL DEFAULT 0, aim INTEGER NOT NULL, filling INTEGER NOT NULL DEFAULT 1, entries INTEGER NOT NULL "
    "DEFAULT 0,"
    " entries_total INTEGER NOT NULL DEFAULT 0, bytes INTEGER NOT NULL DEFAULT 0, began_at INTEGER NOT NULL,"
    " ended_at INTEGER NOT NULL DEFAULT 0) STRICT;"
    "CREATE TABLE history_plan(id INTEGER PRIMARY KEY, give INTEGER NOT NULL REFERENCES history_give ON "
    "DELETE"
    " CASCADE, scope BLOB NOT NULL, from_hlc INTEGER NOT NULL, below_hlc INTEGER NOT NULL, below_id INTEGER "
    "NOT"
    " NULL, screen INTEGER NOT NULL) STRICT;"
    "CREATE INDEX history_plan_next ON history_plan(give, screen DESC, id);"
    "CREATE TABLE history_untold(give INTEGER NOT NULL REFERENCES history_give ON DELETE CASCADE, part "
    "INTEGER NOT"
    " NULL, scope BLOB NOT NULL, first_hlc INTEGER NOT NULL, last_hlc INTEGER NOT NULL, entries INTEGER NOT "
    "NULL,"
    " raw_size INTEGER NOT NULL, packed_size INTEGER NOT NULL, sha256 BLOB NOT NULL, PRIMARY KEY(give, part))"
    " STRICT, WITHOUT ROWID;"
    /* What we are given. part.state: enum history_part_state; early: parts whose page has not come. */
    "CREATE TABLE history_offer(id INTEGER PRIMARY KEY AUTOINCREMENT, log_id BLOB NOT NULL, via BLOB NOT "
    "NULL,"
    " answers BLOB NOT NULL, log INTEGER NOT NULL DEFAULT 0, state INTEGER NOT NULL, parts_total INTEGER,"
    " cursor INTEGER NOT NULL DEFAULT 0, progress_at INTEGER NOT NULL, began_at INTEGER NOT NULL,"
    " UNIQUE(log_id, via)) STRICT;"
    "CREATE TABLE history_total(offer INTEGER NOT NULL REFERENCES history_offer ON DELETE CASCADE, scope "
    "BLOB NOT"
    " NULL, entries INTEGER NOT NULL, PRIMARY KEY(offer, scope)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE history_part(offer INTEGER NOT NULL REFERENCES history_offer ON DELETE CASCADE, part "
    "INTEGER NOT"
    " NULL, scope BLOB NOT NULL, first_hlc INTEGER NOT NULL, last_hlc INTEGER NOT NULL, entries INTEGER NOT "
    "NULL,"
    " raw_size INTEGER NOT NULL, packed_size INTEGER NOT NULL, sha256 BLOB NOT NULL, state INTEGER NOT NULL"
    " DEFAULT 0, PRIMARY KEY(offer, part)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX history_part_scope ON history_part(scope, state);"
    "CREATE TABLE history_early(offer INTEGER NOT NULL REFERENCES history_offer ON DELETE CASCADE, part "
    "INTEGER"
    " NOT NULL, packed BLOB NOT NULL, PRIMARY KEY(offer, part)) STRICT;"
    /* Who asked us, when, for what; wants that somebody has answered. */
    "CREATE TABLE history_peer(device BLOB PRIMARY KEY, want_hlc INTEGER NOT NULL DEFAULT 0, want BLOB, held "
    "BLOB,"
    " due_at INTEGER NOT NULL DEFAULT 0, done_hlc INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT ROWID;"
    "CREATE TABLE history_answer(want BLOB PRIMARY KEY) STRICT, WITHOUT ROWID;"
    /* Offers of the version before are not read any more. */
    "DELETE FROM log WHERE kind = 5;",
    /* ---- old copies of a database (docs/decisions/0049) ---- */
    /* echoed: read to its end since this process began, so that what an earlier life sent there was seen.
     * recover: scopes whose groups were left because this database is an old copy. state: 1 out, asks; 2 in
     * again, waits to hear how far its own journal goes. leaf: hash of its leaf there, as a member told. */
    "ALTER TABLE log ADD COLUMN echoed INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE recover(scope BLOB PRIMARY KEY, kind INTEGER NOT NULL, generation INTEGER NOT NULL, "
    "subject_family BLOB, subject_person BLOB, peer_family BLOB, peer_person BLOB,"
    " state INTEGER NOT NULL DEFAULT 1, leaf BLOB, package BLOB, package_at INTEGER NOT NULL DEFAULT 0,"
    " asked_at INTEGER NOT NULL DEFAULT 0, told_at INTEGER NOT NULL DEFAULT 0, began_at INTEGER NOT NULL,"
    " joined_at INTEGER NOT NULL DEFAULT 0, by BLOB, heard INTEGER NOT NULL DEFAULT 0, head_seq INTEGER NOT "
    "NULL DEFAULT 0)"
    " STRICT, WITHOUT ROWID;",
    /* ---- permits that are signed again ---- */
    /* All that came, also of one serial with other signatures: a set, whatever came first. enough: by the
     * chain as known now. granted: this device has acted on it (of any of its serial). */
    "CREATE TABLE permit_set(child_family BLOB NOT NULL, child BLOB NOT NULL, contact_family BLOB NOT NULL,"
    " contact BLOB NOT NULL, serial INTEGER NOT NULL, kinds INTEGER NOT NULL, oversight INTEGER NOT NULL,"
    " not_before_ms INTEGER NOT NULL, not_after_ms INTEGER NOT NULL, enough INTEGER NOT NULL, permit BLOB "
    "NOT NULL,"
    " granted INTEGER NOT NULL DEFAULT 0,"
    " PRIMARY KEY(child_family, child, contact_family, contact, serial, permit)) STRICT, WITHOUT ROWID;"
    "INSERT INTO permit_set SELECT *, enough FROM permit; DROP TABLE permit;"
    "ALTER TABLE permit_set RENAME TO permit;",
    /* ---- what becomes of what was said: sync/said.h ---- */
    /* erased: its body went for good, and is not taken again. gone_at: when a text runs out; 0: never. */
    "ALTER TABLE entry ADD COLUMN erased INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE entry ADD COLUMN gone_at INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX entry_gone ON entry(gone_at) WHERE gone_at > 0 AND has_body = 1;"
    "CREATE TABLE said_erased(scope BLOB NOT NULL, target BLOB NOT NULL, family BLOB NOT NULL, person BLOB "
    "NOT NULL,"
    " PRIMARY KEY(scope, target, family, person)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE said_edit(scope BLOB NOT NULL, target BLOB NOT NULL, family BLOB NOT NULL, person BLOB NOT "
    "NULL,"
    " hlc INTEGER NOT NULL, hash BLOB NOT NULL, entry INTEGER NOT NULL,"
    " PRIMARY KEY(scope, target, family, person, hlc, hash)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE said_reaction(scope BLOB NOT NULL, target BLOB NOT NULL, family BLOB NOT NULL, person BLOB "
    "NOT NULL,"
    " hlc INTEGER NOT NULL, hash BLOB NOT NULL, text TEXT NOT NULL, PRIMARY KEY(scope, target, family, "
    "person))"
    " STRICT, WITHOUT ROWID;"
    "CREATE TABLE said_timer(scope BLOB NOT NULL, hlc INTEGER NOT NULL, hash BLOB NOT NULL, ms INTEGER NOT "
    "NULL,"
    " PRIMARY KEY(scope, hlc, hash)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE read_mark(scope BLOB PRIMARY KEY, hlc INTEGER NOT NULL) STRICT, WITHOUT ROWID;",
    /* ---- evidence by its place in the log ---- */
    /* seq: of the block in which it was last read: a commit's evidence lies near the commit. */
    "ALTER TABLE evidence ADD COLUMN seq INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX"
    " evidence_seq ON evidence(grp, epoch, seq);",
    /* ---- entries under a number that is taken ---- */
    "CREATE INDEX"
    " entry_rival ON entry(scope, author) WHERE fork = 1;",
    /* ---- successor groups: sync/succession.h ---- */
    /* since_: from which epoch of which generation on bodies are passed on whole; NULL: of this one's first.
     */
    "ALTER TABLE mls_group ADD COLUMN stuck_at INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE mls_group ADD COLUMN since_generation INTEGER;"
    "ALTER TABLE mls_group ADD COLUMN since_epoch INTEGER;"
    "ALTER TABLE admission_wait ADD COLUMN successor INTEGER NOT NULL DEFAULT 0;"
    /* generation: of the successor that is wanted. */
    "CREATE TABLE succession(scope BLOB PRIMARY KEY, generation INTEGER NOT NULL, reason INTEGER NOT NULL, "
    "relay TEXT NOT NULL, due_at INTEGER NOT NULL, asked_at INTEGER NOT NULL DEFAULT 0) STRICT, WITHOUT "
    "ROWID;"
    /* Key packages for successors: others' that came by letter; this device's own, as it was given out. */
    "CREATE TABLE succession_package(scope BLOB NOT NULL, device BLOB NOT NULL, package BLOB NOT NULL, at_ms "
    "INTEGER NOT NULL, PRIMARY KEY(scope, device)) STRICT, WITHOUT ROWID;"
    /* With whom a successor was founded. */
    "CREATE TABLE founding(grp INTEGER NOT NULL REFERENCES mls_group ON DELETE CASCADE, device BLOB NOT NULL,"
    " PRIMARY KEY(grp, device)) STRICT, WITHOUT ROWID;",
    /* ---- devices that were added again: sync/readd_often.c ---- */
    "CREATE TABLE readded(grp INTEGER NOT NULL REFERENCES mls_group ON DELETE CASCADE, device BLOB NOT NULL,"
    " since INTEGER NOT NULL, last INTEGER NOT NULL, count INTEGER NOT NULL, PRIMARY KEY(grp, device))"
    " STRICT, WITHOUT ROWID;",
    /* ---- several relays: sync/relays.h ---- */
    /* place: 1 to 4 in the family's list, 5: wished for, 0: others'. away_at: since when it does not answer;
     * away_ms: for how long this device has tried since. */
    "ALTER TABLE relay ADD COLUMN place INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE relay ADD COLUMN away_at INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE relay ADD COLUMN away_ms INTEGER NOT NULL DEFAULT 0;"
    "CREATE TABLE relay_wish(id INTEGER PRIMARY KEY, op INTEGER NOT NULL, address TEXT NOT NULL UNIQUE, at_ms"
    " INTEGER NOT NULL) STRICT;"
    /* Letterboxes of this family's devices, one a relay. */
    "CREATE TABLE device_box(device BLOB NOT NULL, relay TEXT NOT NULL, box BLOB NOT NULL, PRIMARY "
    "KEY(device,"
    " relay)) STRICT, WITHOUT ROWID;",
    /* ---- files: sync/files.h ---- */
    /* state: enum file_state; hash, entry: of the message, NULL and 0 while it is read; path, same: where it
     * is read from; source: where its bytes lie (an encoded file_log); log: which is read now; have: parts
     * here. */
    "CREATE TABLE file(id INTEGER PRIMARY KEY AUTOINCREMENT, token BLOB NOT NULL UNIQUE, hash BLOB UNIQUE,"
    " entry INTEGER NOT NULL DEFAULT 0, scope BLOB NOT NULL, outgoing INTEGER NOT NULL, name TEXT NOT NULL,"
    " media TEXT NOT NULL, size INTEGER NOT NULL, parts INTEGER NOT NULL, list_hash BLOB, block_key BLOB NOT "
    "NULL,"
    " state INTEGER NOT NULL, why TEXT NOT NULL DEFAULT '', have INTEGER NOT NULL DEFAULT 0, asked INTEGER "
    "NOT NULL"
    " DEFAULT 0, path TEXT, same BLOB, source BLOB, log INTEGER NOT NULL DEFAULT 0, cursor INTEGER NOT NULL "
    "DEFAULT"
    " 0, progress_at INTEGER NOT NULL DEFAULT 0, wants INTEGER NOT NULL DEFAULT 0, again_due INTEGER NOT NULL"
    " DEFAULT 0, again_at INTEGER NOT NULL DEFAULT 0, mark_at INTEGER NOT NULL DEFAULT 0, mark_bytes INTEGER "
    "NOT"
    " NULL DEFAULT 0, rate INTEGER NOT NULL DEFAULT 0, at_ms INTEGER NOT NULL) STRICT;"
    "CREATE INDEX file_state ON file(state);"
    "CREATE INDEX file_entry ON file(entry);"
    "CREATE INDEX file_again ON file(again_due) WHERE again_due > 0;"
    "CREATE TABLE file_list(file INTEGER PRIMARY KEY REFERENCES file ON DELETE CASCADE, hashes BLOB NOT "
    "NULL) STRICT;"
    "CREATE TABLE file_part(id INTEGER PRIMARY KEY, file INTEGER NOT NULL REFERENCES file ON DELETE CASCADE, "
    "part"
    " INTEGER NOT NULL, sha256 BLOB NOT NULL, bytes BLOB NOT NULL, UNIQUE(file, part)) STRICT;"
    /* What we put up. next: the next part, -1: the list; state: enum file_put_state. */
    "CREATE TABLE file_put(id INTEGER PRIMARY KEY AUTOINCREMENT, file INTEGER NOT NULL UNIQUE REFERENCES "
    "file ON"
    " DELETE CASCADE, log INTEGER NOT NULL DEFAULT 0, next INTEGER NOT NULL DEFAULT -1, state INTEGER NOT "
    "NULL,"
    " began_at INTEGER NOT NULL) STRICT;"
    "CREATE INDEX entry_file ON entry(hlc) WHERE kind = 32 AND has_body = 1;",
    /* ---- what the relay shows to one and not to the other: sync/apart.h ---- */
    /* lost: since a letter told of entries of this author that are not here, so many of our own regular
     * `have`s (told: the person was; acted: it was seen to). lost_own: how far our own were at the relay
     * then. apart_at: when this author's word last made this device leave. told_leaf: our leaf, as a member
     * told. */
    "ALTER TABLE head ADD COLUMN lost INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE head ADD COLUMN lost_at INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE head ADD COLUMN lost_own INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE head ADD COLUMN apart_at INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE mls_group ADD COLUMN told_leaf BLOB;",
    /* ---- a relay that is away: sync/relay_away.h ---- */
    /* trouble: hours in which it lost or hid something, of the last week. */
    "ALTER TABLE relay ADD COLUMN trouble INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE relay ADD COLUMN trouble_at INTEGER NOT NULL DEFAULT 0;"
    /* When another device of the family said that it reaches the relay, and when it was told that this one
       does. */
    "CREATE TABLE relay_word(device BLOB NOT NULL, relay TEXT NOT NULL, reached_at INTEGER NOT NULL DEFAULT "
    "0,"
    " answered_at INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(device, relay)) STRICT, WITHOUT ROWID;",
    /* ---- a changed text is found by what it says now ---- */
    /* The index had the words of before: it is made anew where anything was ever changed. */
    "INSERT INTO search(search) SELECT 'delete-all' WHERE EXISTS (SELECT 1 FROM said_edit);"
    "UPDATE entry SET found = 0 WHERE found != 0 AND EXISTS (SELECT 1 FROM said_edit);",
    /* ---- leaves of its own that this device has asked others to replace: sync/readd.h ---- */
    "CREATE TABLE asked_leaf(scope BLOB NOT NULL, generation INTEGER NOT NULL, leaf BLOB NOT NULL, at_ms"
    " INTEGER NOT NULL, PRIMARY KEY(scope, generation, leaf)) STRICT, WITHOUT ROWID;",
    /* ---- members who say that they are in another group of the same generation: sync/succession.h ---- */
    "CREATE TABLE other_group(grp INTEGER NOT NULL REFERENCES mls_group ON DELETE CASCADE, device BLOB NOT"
    " NULL, founding BLOB NOT NULL, since INTEGER NOT NULL, PRIMARY KEY(grp, device)) STRICT, WITHOUT "
    "ROWID;",
    /* ---- whose a device key is, and what others can fill or blame ---- */
    /* proven: the key itself has signed that it is this person's. sender: the log of the contact's letterbox
     * by which an Admission came that waits. behind: this device left the group because others said that they
     * are ahead. */
    "ALTER TABLE certificate ADD COLUMN proven INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE admission_wait ADD COLUMN sender BLOB;"
    "ALTER TABLE mls_group ADD COLUMN behind INTEGER NOT NULL DEFAULT 0;",
    /* ---- files are fetched in turns: sync/files_fetch.c ---- */
    /* asked: enum file_asked; wanted_at: when others were last asked for its bytes (mono_ms). */
    "ALTER TABLE file ADD COLUMN wanted_at INTEGER NOT NULL DEFAULT 0;"
    "CREATE INDEX log_heard ON log(kind) WHERE listening = 1;",
    /* ---- a timer is about what its own person writes; reactions go with their text: sync/said.h ---- */
    "ALTER TABLE said_timer ADD COLUMN family BLOB NOT NULL DEFAULT x'';"
    "ALTER TABLE said_timer ADD COLUMN person BLOB NOT NULL DEFAULT x'';"
    "UPDATE said_timer SET (family, person) = (SELECT c.family, c.person FROM entry e JOIN certificate c ON"
    " c.device = e.author WHERE e.scope = said_timer.scope AND e.hash = said_timer.hash) WHERE EXISTS "
    "(SELECT 1"
    " FROM entry e JOIN certificate c ON c.device = e.author WHERE e.scope = said_timer.scope AND e.hash ="
    " said_timer.hash);"
    "CREATE TABLE said_reacted(scope BLOB NOT NULL, target BLOB NOT NULL, entry INTEGER NOT NULL, PRIMARY"
    " KEY(scope, target, entry)) STRICT, WITHOUT ROWID;"
    "INSERT INTO said_reacted SELECT s.scope, s.target, e.id FROM said_reaction s JOIN entry e ON e.scope ="
    " s.scope AND e.hash = s.hash;"
    "CREATE INDEX IF NOT EXISTS file_fetching ON file(scope) WHERE state = 3;"
    "CREATE INDEX IF NOT EXISTS file_asked ON file(asked) WHERE state = 3;"
    "CREATE INDEX IF NOT EXISTS file_failed ON file(have) WHERE state = 5;"
    "CREATE INDEX IF NOT EXISTS file_put_runs ON file_put(file) WHERE state = 1;"
    /* What failed before kept the parts that it had. */
    "UPDATE file SET have = (SELECT count(*) FROM file_part p WHERE p.file = file.id) WHERE state = 5;",
    /* ---- receipts and settings: sync/receipts.h ---- */
    /* what: enum receipt_what; seq: of author's entries, up to which; hlc: of the receipt. */
    "CREATE TABLE receipt(scope BLOB NOT NULL, author BLOB NOT NULL, device BLOB NOT NULL, what INTEGER NOT"
    " NULL, seq INTEGER NOT NULL, hlc INTEGER NOT NULL, PRIMARY KEY(scope, author, device, what)) STRICT,"
    " WITHOUT ROWID;"
    /* What this person's devices have to tell; due_at 0: nothing new. */
    "CREATE TABLE receipt_wait(scope BLOB NOT NULL, author BLOB NOT NULL, what INTEGER NOT NULL, seq INTEGER"
    " NOT NULL, due_at INTEGER NOT NULL, told_at INTEGER NOT NULL DEFAULT 0, PRIMARY KEY(scope, author, "
    "what))"
    " STRICT, WITHOUT ROWID;"
    "CREATE INDEX receipt_due ON receipt_wait(due_at) WHERE due_at > 0;"
    "CREATE TABLE setting(key TEXT PRIMARY KEY, hlc INTEGER NOT NULL, hash BLOB NOT NULL, value BLOB NOT "
    "NULL)"
    " STRICT, WITHOUT ROWID;",
    /* ---- files are found by their names ---- */
    "DROP INDEX entry_unfound; DROP INDEX entry_hidden;"
    "CREATE INDEX entry_unfound ON entry(id) WHERE found = 0 AND " SEARCH_SHOWN ";"
    "CREATE INDEX entry_hidden ON entry(id) WHERE found > 0 AND has_body = 1 AND NOT (" SEARCH_SHOWN ");"
    "CREATE INDEX file_lost ON file(id) WHERE state = 3 AND log = 0;",
    /* ---- what one device may cost the others: sync/journal_intake.h, readd.c ---- */
    /* Who lacks something, each with a place of their own. */
    "DROP TABLE repair;"
    "CREATE TABLE repair(scope BLOB NOT NULL, author BLOB NOT NULL, asker BLOB NOT NULL, from_seq INTEGER NOT"
    " NULL, due_at INTEGER NOT NULL, PRIMARY KEY(scope, author, asker)) STRICT, WITHOUT ROWID;"
    "CREATE INDEX repair_due ON repair(due_at);"
    /* Since when, and how much: sent again to one of them; taken from one of them. */
    "CREATE TABLE repaired(scope BLOB NOT NULL, device BLOB NOT NULL, since INTEGER NOT NULL, units INTEGER"
    " NOT NULL, PRIMARY KEY(scope, device)) STRICT, WITHOUT ROWID;"
    "CREATE TABLE intake(scope BLOB NOT NULL, device BLOB NOT NULL, since INTEGER NOT NULL, units INTEGER NOT"
    " NULL, PRIMARY KEY(scope, device)) STRICT, WITHOUT ROWID;"
    /* asks: how often this device has asked to be added again since it is stuck. */
    "ALTER TABLE mls_group ADD COLUMN asks INTEGER NOT NULL DEFAULT 0;",
    /* ---- when a contact was ended ---- */
    /* at_ms: of its serial, but not later than this device's clock allowed for when it came. */
    "ALTER TABLE withdrawal ADD COLUMN at_ms INTEGER NOT NULL DEFAULT 0;"
    "UPDATE withdrawal SET at_ms = serial >> 16;",
    /* ---- texts that were lost before somebody came: sync/held.h ---- */
    /* Since which epoch a person is here who was not there before. */
    "CREATE TABLE came(scope BLOB NOT NULL, family BLOB NOT NULL, person BLOB NOT NULL, generation INTEGER"
    " NOT NULL, epoch INTEGER NOT NULL, PRIMARY KEY(scope, family, person)) STRICT, WITHOUT ROWID;",
    /* ---- what is taken from one device: sync/journal_intake.h ---- */
    /* paid_until: up to when what it sent has used its measure up; those that are known begin with all of it.
     */
    "DROP TABLE intake;"
    "CREATE TABLE intake(scope BLOB NOT NULL, device BLOB NOT NULL, paid_until INTEGER NOT NULL, PRIMARY"
    " KEY(scope, device)) STRICT, WITHOUT ROWID;"
    "INSERT INTO intake SELECT scope, author, (unixepoch() - 1209600) * 1000 FROM head WHERE cont_seq > 0;"
    "UPDATE withdrawal SET at_ms = min(at_ms, unixepoch() * 1000);",
    /* ---- a person's own no: sync/leave.c ---- */
    /* left_at: when this device's person left it, or it was joined after they had; it is destroyed when the
     * leave is at the relay. Leaves in a form that an earlier version took for void are judged again. */
    "ALTER TABLE mls_group ADD COLUMN left_at INTEGER NOT NULL DEFAULT 0;"
    "UPDATE mls_group SET left_at = 1 WHERE kind = 5 AND state != 3 AND scope IN (SELECT scope FROM contact"
    " WHERE state = 4 AND person = mls_group.subject_person);"
    "UPDATE entry SET applied = 0 WHERE kind = 23 AND applied = 2;"
    /* Leaves that are told by letter later on, too: times to go. */
    "CREATE TABLE leave_letter(scope BLOB PRIMARY KEY, family BLOB NOT NULL, person BLOB NOT NULL, letter "
    "BLOB"
    " NOT NULL, due_at INTEGER NOT NULL, times INTEGER NOT NULL) STRICT, WITHOUT ROWID;",
};

enum status schema_make(struct sql *s, int version)
{
    struct vault_step steps[SCHEMA_VERSION];
    static_assert(sizeof(step_sql) / sizeof(step_sql[0]) == SCHEMA_VERSION, "one version a step");
    for (int i = 0; i < SCHEMA_VERSION; i++) {
        steps[i] = (struct vault_step){i + 1, step_sql[i]};
    }
    return vault_migrate(s->db, steps, (size_t)version);
}

enum status schema_open(struct sql *s)
{
    enum status st = vault_prepare(s->db, SCHEMA_VERSION);
    return st == ST_OK ? schema_make(s, SCHEMA_VERSION) : st;
}
