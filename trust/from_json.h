/* OneCRL as Mozilla's Remote Settings give it: {"data": [{issuerName, serialNumber | subject, pubKeyHash,
 * enabled, last_modified, details: {bug}}]}. A record that is not enabled lifts the block. */
#ifndef CTVIGIL_FROM_JSON_H
#define CTVIGIL_FROM_JSON_H

#include "trust/catake.h"

/* False: not such a document. */
bool from_json_read(struct span text, struct catake *take, struct catake_file *file);

#endif
