/* What a channel is told of, and when: the keys severity, kinds, domains, tags, quiet, digest, escalate_* of
 * an entry of `channels`. Judged when a delivery is due, so that a changed configuration counts for what
 * waits, too. */
#ifndef CTVIGIL_CHANRULE_H
#define CTVIGIL_CHANRULE_H

#include "base/chanconf.h"
#include "db/db_alert.h"
#include "db/db_channel_state.h"
#include "model/alert.h"

#define CHANRULE_DOMAINS_MAX 256
#define CHANRULE_TAGS_MAX    64

struct chanrule {
    enum alert_severity least;
    bool kinds[ALERT_KIND_COUNT];
    char *domains[CHANRULE_DOMAINS_MAX];
    size_t domain_count; /* 0: all */
    char *tags[CHANRULE_TAGS_MAX];
    size_t tag_count; /* 0: all */
    char zone[64];
    struct db_channel_hours hours; /* its zone is the above */
    int64_t escalate_ms;           /* 0: never */
    char escalate_to[CHANCONF_NAME_MAX + 1];
    bool escalated_only;
};

/* ERR_CONFIG begins with the key. */
MUST_USE enum err_code chanrule_new(const struct chanconf *conf, struct chanrule **rule, struct err *why);
void chanrule_free(struct chanrule *rule); /* NULL is fine */

/* NULL: the channel wants it; else why not. A test alert is always wanted; `handed`: by another channel's
 * escalation, which nothing filters. A NULL rule wants everything. */
const char *chanrule_refuses(const struct chanrule *rule, const struct db_alert_row *row, bool handed);
/* Does it go out at once, whatever the hour: critical, a test, or handed on? */
bool chanrule_urgent(const struct db_alert_row *row, bool handed);

#endif
