/* The few things about an alert that fit on a small card (chat, pager, mail): a title and labelled values,
 * all of it visible text, cut at whole characters. Who shows them escapes them for the place. */
#ifndef CTVIGIL_BRIEF_H
#define CTVIGIL_BRIEF_H

#include "watcher/channel.h"

#define BRIEF_FACTS_MAX   16
#define BRIEF_VALUE_MAX   400
#define BRIEF_TITLE_MAX   1000
#define BRIEF_MEANING_MAX 1400

struct brief_fact {
    const char *label; /* static */
    char value[BRIEF_VALUE_MAX];
};

struct brief {
    char title[BRIEF_TITLE_MAX];
    char meaning[BRIEF_MEANING_MAX]; /* what happened, why it matters, what to do; "" for a kind that this
                                        program does not know; without the last full stop */
    struct brief_fact facts[BRIEF_FACTS_MAX];
    size_t count;
};

void brief_make(const struct db_alert_row *row, const char *line, struct brief *brief);
/* Copies `text` into out, cut at a whole character with "..." where it has more than `most` bytes. */
void brief_cut(const char *text, size_t most, char *out, size_t out_cap);
/* Names the alert wherever it is known by: stays the same over its whole life. */
#define BRIEF_NAME_MAX 64
const char *brief_name(const struct db_alert_row *row, char out[BRIEF_NAME_MAX]);

#endif
