/* The bytes of a tree head of either protocol and what they say, before anybody checks the signature: for
 * heads that are evidence because it is wrong, and for accounts that are checked again. */
#ifndef CTVIGIL_HEADFORM_H
#define CTVIGIL_HEADFORM_H

#include "base/err.h"
#include "model/ctlog.h"
#include "model/head.h"

#define HEADFORM_SIGNATURE_MAX 1024 /* DigitallySigned of RSA-4096 is 516 bytes */

struct headform {
    struct head unverified; /* raw: the body */
    bool is_note;           /* a checkpoint, with a line under the log's own name and key id */
    uint8_t signature[HEADFORM_SIGNATURE_MAX]; /* signed tree head: DigitallySigned */
    size_t signature_len;
};

/* ERR_FORMAT: no tree head in the name of this log. That is told by the first byte: a brace opens the JSON of
 * RFC 6962. */
MUST_USE enum err_code headform_read(const struct ctlog *log, struct span body, struct headform *form,
                                     struct err *why);

#endif
