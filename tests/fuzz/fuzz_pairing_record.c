/* SPDX-License-Identifier: Apache-2.0 */
/* device/pairing.h: a stored session loads and saves to the same bytes, or is refused; one that loads stands
 * whatever message comes: the input is a record, and behind it a message. */
#include "device/pairing.h"
#include "protocol/mem.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void receive(struct pairing *p, struct span message)
{
    struct sign_private key = {{0}};
    struct buffer send;
    buffer_init(&send, PAIRING_MESSAGE_MAX);
    enum status st = pairing_receive(p, message, 0, &key, &send);
    invariant(st == ST_OK || status_class(st) == CLASS_INTERNAL);
    buffer_wipe(&send);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct reader r;
    struct pairing *p;
    struct buffer again;
    reader_init(&r, SPAN_OF(data, size));
    struct span record = reader_vec(&r, PAIRING_SAVED_MAX), message = reader_take(&r, reader_left(&r));
    if (pairing_load(&p, record) != ST_OK)
        return 0;
    buffer_init(&again, PAIRING_SAVED_MAX);
    invariant(pairing_save(p, &again) == ST_OK);
    invariant(span_equal(buffer_span(&again), record));
    receive(p, message);
    buffer_wipe(&again);
    pairing_free(p);
    return 0;
}
