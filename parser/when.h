/* UTCTime and GeneralizedTime (RFC 5280 section 4.1.2.5) to Unix seconds. Lenient: missing seconds, a
 * fraction and offsets, as old certificates have them, are read and flagged. No libc time function is
 * involved. */
#ifndef CTVIGIL_WHEN_H
#define CTVIGIL_WHEN_H

#include "base/span.h"

enum when {
    WHEN_OK,
    WHEN_ODD,        /* read, but not in the form RFC 5280 requires */
    WHEN_UNREADABLE, /* *unix_s is left alone */
};

/* `tag` is DER_UTC_TIME or DER_GENERALIZED_TIME; a two-digit year from 50 on is 19YY. 24:00:00 and a leap
 * second are read as the next second, oddly. A fraction of a second is cut off. */
enum when when_read(uint32_t tag, struct span text, int64_t *unix_s);

#endif
