/* Checkpoints of static-ct logs: a signed note (C2SP signed-note, tlog-checkpoint, static-ct-api) whose RFC
 * 6962 signature line is selected by key name AND key id, so grease lines and witnesses are passed over. */
#ifndef CTVIGIL_CHECKPOINT_H
#define CTVIGIL_CHECKPOINT_H

#include "base/err.h"
#include "model/ctlog.h"
#include "model/head.h"

/* First four bytes of SHA-256(origin || 0x0A || 0x05 || log id). */
void checkpoint_key_id(const struct ctlog *log, uint8_t out[4]);

/* Checks origin, form and signature of `unverified_note`; on success fills `head` (raw is the note itself).
 * ERR_FORMAT: not a note, other origin, extension lines. ERR_SIGNATURE: no line of ours, or any line under
 * our name and key id does not verify. ERR_TOO_BIG: above LIMIT_SMALL_BYTES or LIMIT_NOTE_LINES. `head` is
 * changed on success only. Other signers' lines must be well-formed; they are not checked. */
MUST_USE enum err_code checkpoint_verify(const struct ctlog *log, struct span unverified_note,
                                         struct head *head, struct err *why);

/* What a note says that stands in the name of this log: right origin, right form, and a line under its name
 * and key id, which may be signed wrongly. ERR_FORMAT, ERR_TOO_BIG: not such a note. */
MUST_USE enum err_code checkpoint_read(const struct ctlog *log, struct span unverified_note,
                                       struct head *unverified, struct err *why);

#endif
