/* Variables that look as if they configured the program and do not: a key that is misspelt. */
#ifndef CTVIGIL_ENVCHECK_H
#define CTVIGIL_ENVCHECK_H

#include "base/base.h"

#define ENVCHECK_TEXT_MAX 300

/* Looks from environment[*at] on for a CTVIGIL_* variable that is neither a configuration key nor one of
 * those that the manual (ENVIRONMENT; the hook's in ctvigil-alerts(5)) and the tests name. True: it is named
 * in `text`, with the key that was probably meant, and *at stands behind it. Values are never shown. */
bool envcheck_next(char *const *environment, size_t *at, char text[ENVCHECK_TEXT_MAX]);

#endif
