/* Alerts by mail, through a server (SMTP with STARTTLS, or SMTP over TLS): one mail per alert, or a digest.
 * Text with an HTML alternative; the Message-ID is the delivery's key, so that a mail which comes twice is
 * known by it, and mails about one alert form a thread. A server that takes a mail for some of the recipients
 * alone counts as one that takes it for none. */
#ifndef CTVIGIL_SEND_MAIL_H
#define CTVIGIL_SEND_MAIL_H

#include "base/chanconf.h"
#include "watcher/channel.h"

#define SEND_MAIL_RECIPIENTS_MAX 50

/* Everything is copied. ERR_CONFIG begins with the key. Nothing is connected to. */
MUST_USE enum err_code send_mail_new(const struct chanconf *conf, struct channel **channel, struct err *why);

#endif
