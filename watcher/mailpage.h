/* The HTML half of a mail: one alert, or several gathered into a digest. Readable on a telephone and in
 * print, without pictures, scripts or anything to be fetched; styles stand in the elements, because mail
 * programs drop style sheets. All text from outside is escaped. What it says is in the plain half as well. */
#ifndef CTVIGIL_MAILPAGE_H
#define CTVIGIL_MAILPAGE_H

#include "base/buf.h"
#include "watcher/brief.h"

/* `kind` and `severity` as in the alert; of a kind that this program does not know the advice is missing. */
void mailpage_alert(struct buf *out, const char *kind, const char *severity, const struct brief *brief);
void mailpage_digest(struct buf *out, const struct channel_digest *digest);

#endif
