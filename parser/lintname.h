/* The part of parser/lint.h that looks at names: issuer, subject, alternative names, and the URIs of other
 * extensions. */
#ifndef CTVIGIL_LINTNAME_H
#define CTVIGIL_LINTNAME_H

#include "parser/san.h"

/* All attributes of issuer and subject, and all alternative names. */
void lintname_read(const struct cert *cert, struct finding_set *findings);
/* One GeneralName, wherever it stands. */
void lintname_general(const struct san_item *name, struct finding_set *findings);

#endif
