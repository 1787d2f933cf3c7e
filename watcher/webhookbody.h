/* The bodies of webhooks, by preset. Text from certificates is data in every one of them: no markup of Slack
 * or Teams, no mention, no link is made of it. */
#ifndef CTVIGIL_WEBHOOKBODY_H
#define CTVIGIL_WEBHOOKBODY_H

#include "watcher/channel.h"

enum webhookbody_preset {
    WEBHOOKBODY_GENERIC,  /* the object of `alert list --json`; a digest:
                             {"schema":"ctvigil.digest.1","alerts":[]} */
    WEBHOOKBODY_SLACK,    /* incoming webhook: {text, blocks}, all texts plain_text */
    WEBHOOKBODY_TEAMS,    /* adaptive card 1.3, all texts TextRuns, which know no Markdown */
    WEBHOOKBODY_PAGERDUTY /* Events API v2; its dedup_key is brief_name */
};

/* "generic", "slack", "teams", "pagerduty" (base/chanconf.c takes no other words). */
enum webhookbody_preset webhookbody_preset(const char *word);

/* The body for one alert; the caller frees it. `secret`: PagerDuty's integration key. An alert that is closed
 * (event withdrawn) ends the incident. */
MUST_USE enum err_code webhookbody_one(enum webhookbody_preset preset, const struct channel_message *message,
                                       const char *secret, char **body, struct err *why);
/* For several; PagerDuty has none. */
MUST_USE enum err_code webhookbody_digest(enum webhookbody_preset preset, const struct channel_digest *digest,
                                          char **body, struct err *why);
/* PagerDuty: the incident of the alert is over. */
MUST_USE enum err_code webhookbody_over(const struct db_alert_row *row, const char *secret, char **body,
                                        struct err *why);

#endif
