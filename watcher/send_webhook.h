/* Alerts posted to a URL (watcher/httppost.h), one by one or as digests, in the form of a preset
 * (watcher/webhookbody.h).
 *
 * Headers: Idempotency-Key (the same at every try of a message) and, with a secret and the preset generic,
 * X-Ctvigil-Timestamp (Unix seconds) and X-Ctvigil-Signature: "v1=" and the lower-case hex of HMAC-SHA-256
 * with the secret over the timestamp, a dot and the body. A receiver compares in constant time and refuses
 * what is older than some minutes. */
#ifndef CTVIGIL_SEND_WEBHOOK_H
#define CTVIGIL_SEND_WEBHOOK_H

#include "base/chanconf.h"
#include "watcher/channel.h"

/* Everything is copied. ERR_CONFIG begins with the key. Nothing is connected to. */
MUST_USE enum err_code send_webhook_new(const struct chanconf *conf, struct channel **channel,
                                        struct err *why);

/* "v1=..." into out[SEND_WEBHOOK_SIGNATURE_MAX]. */
#define SEND_WEBHOOK_SIGNATURE_MAX 72
void send_webhook_sign(const char *secret, int64_t unix_s, const char *body, char *out);

#endif
