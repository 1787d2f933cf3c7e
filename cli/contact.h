/* Who reads: operators of logs want to be able to reach those who ask (ingest.contact, in the User-Agent). */
#ifndef CTVIGIL_CONTACT_H
#define CTVIGIL_CONTACT_H

#include "base/conf.h"
#include "base/err.h"

/* ERR_CONFIG: something is given that is no contact: neither a mail address nor an https:// URL, or one of
 * example.com, which some operators treat as none. Nothing given is fine here. */
MUST_USE enum err_code contact_form(const struct conf *conf, struct err *why);
/* The same, and ERR_CONFIG when none is given and `url`, of a log or a log list, is not of this machine. A
 * file is. */
MUST_USE enum err_code contact_need(const struct conf *conf, const char *url, struct err *why);
/* The same for the log list `named` (as in ingest.log_list; NULL: none is followed). */
MUST_USE enum err_code contact_list(const struct conf *conf, const char *named, struct err *why);

#endif
