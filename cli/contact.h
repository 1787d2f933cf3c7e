/* Who reads: operators of logs want to be able to reach those who ask (ingest.contact, in the User-Agent). */
#ifndef CTVIGIL_CONTACT_H
#define CTVIGIL_CONTACT_H

#include "base/conf.h"
#include "base/err.h"
#include "model/ctlog.h"

/* ERR_CONFIG: something is given that is no contact: neither a mail address nor an https:// URL, or one that
 * holds "example.com", which Skylight takes for none (protocol of that operator: anonymous readers share one
 * small budget). Nothing given is fine here. */
MUST_USE enum err_code contact_form(const struct conf *conf, struct err *why);
/* The same, and ERR_CONFIG when none is given and `url`, of a log or a log list, is not of this machine. A
 * file is. */
MUST_USE enum err_code contact_need(const struct conf *conf, const char *url, struct err *why);
/* The same for the log list `named` (as in ingest.log_list; NULL: none is followed). */
MUST_USE enum err_code contact_list(const struct conf *conf, const char *named, struct err *why);

/* May a log or a list at `url` be asked? Says nothing to anybody. */
bool contact_allows(const struct conf *conf, const char *url);
/* What a person sees of a log that may not. */
const char *contact_missing(void);
/* Leaves of `logs` those that may be asked, returns how many, and says once what keeps us from the others:
 * *said, 0 at first, is how many that were the last time. */
size_t contact_keep(const struct conf *conf, struct ctlog *logs, size_t count, size_t *said);
/* One warning about `count` logs, the first of which is `name`, unless *said is as many. */
void contact_say(const char *name, size_t count, size_t *said);

#endif
