/* TLS secrets of Kubernetes in manifests: YAML (any number of documents) or JSON, single or in a List. Their
 * private keys are never looked at. */
#ifndef CTVIGIL_KUBESECRET_H
#define CTVIGIL_KUBESECRET_H

#include "base/err.h"
#include "base/span.h"

/* Could the text be a manifest with such a secret? */
bool kubesecret_is(struct span text);

/* Hands over the text of every tls.crt (member of data, in base64, or of stringData): PEM as a rule. `pem`
 * lives during the call. ERR_FORMAT says on which line YAML or JSON ends to be one, or which value is not
 * base64 ("line 3: ..."); what stood before was handed over. */
MUST_USE enum err_code kubesecret_read(struct span text, void (*each)(void *arg, struct span pem), void *arg,
                                       struct err *why);

#endif
