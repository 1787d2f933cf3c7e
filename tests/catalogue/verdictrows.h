/* The rows of the verdict catalogue (verdictcase.def), for those who run it and who hold the manual against
 * it. */
#ifndef CTVIGIL_VERDICTROWS_H
#define CTVIGIL_VERDICTROWS_H

#include <stdio.h>
#include <stdlib.h>

#include "model/alert.h"
#include "trust/carule.h"

enum row_type { ROW_CASE, ROW_CA, ROW_ROOT, ROW_SAID, ROW_WATCH, ROW_CERT, ROW_RENEWALS, ROW_WANT };

struct row {
    enum row_type type;
    const char *id;
    const char *text[3];
    int number; /* year, days, count */
    char letter;
    char other;
    const char *date;
    const char *logged;
    enum carule_kind kind;
    enum carule_class class;
    enum alert_kind alert;
    enum alert_severity severity;
};

#define CASE(ID, YEAR, TITLE, WHAT, SOURCE)                                                                  \
    {.type = ROW_CASE, .id = #ID, .number = YEAR, .text = {TITLE, WHAT, SOURCE}},
#define CA(LETTER, ISSUER, NAME) {.type = ROW_CA, .letter = LETTER, .other = ISSUER, .text = {NAME}},
#define OLD_CA(LETTER, ISSUER, NAME, UNTIL)                                                                  \
    {.type = ROW_CA, .letter = LETTER, .other = ISSUER, .text = {NAME}, .date = UNTIL},
#define ROOT(LETTER, STORES) {.type = ROW_ROOT, .letter = LETTER, .text = {STORES}},
#define SAID(LETTER, STORES, KIND, CLASS, DATE)                                                              \
    {.type = ROW_SAID,                                                                                       \
     .letter = LETTER,                                                                                       \
     .text = {STORES, ""},                                                                                   \
     .kind = CARULE_##KIND,                                                                                  \
     .class = CARULE_##CLASS,                                                                                \
     .date = DATE},
#define NAMES(LETTER, STORES, DOMAINS)                                                                       \
    {.type = ROW_SAID, .letter = LETTER, .text = {STORES, DOMAINS}, .kind = CARULE_NAMES, .date = ""},
#define WATCH(ITEM, CAS, OPTIONS) {.type = ROW_WATCH, .text = {ITEM, CAS, OPTIONS}},
#define CERT(ISSUER, DNS, BEGINS, DAYS, LOGGED, FORMS, KEY)                                                  \
    {.type = ROW_CERT,                                                                                       \
     .letter = ISSUER,                                                                                       \
     .other = KEY,                                                                                           \
     .text = {DNS, FORMS},                                                                                   \
     .date = BEGINS,                                                                                         \
     .number = DAYS,                                                                                         \
     .logged = LOGGED},
#define RENEWALS(FIRST, SECOND, COUNT)                                                                       \
    {.type = ROW_RENEWALS, .letter = FIRST, .other = SECOND, .number = COUNT},
#define WANT(KIND, SEVERITY) {.type = ROW_WANT, .alert = ALERT_KIND_##KIND, .severity = ALERT_##SEVERITY},
#define REAL(WHO, KEY, SUBJECT, DATE, VERDICTS, FLAGS)

static const struct row rows[] = {
#include "verdictcase.def"
};
#undef REAL

static inline int verdictrows_by_words(const void *left, const void *right)
{
    return strcmp(left, right);
}

/* "kind severity, kind severity", sorted; "": nothing at all. */
static inline void verdictrows_wanted(size_t from, size_t to, char *out, size_t cap)
{
    char words[ALERT_FINDINGS_MAX][64];
    size_t count = 0;
    size_t len = 0;
    for (size_t at = from; at < to; at++)
        if (rows[at].type == ROW_WANT && count < countof(words))
            (void)snprintf(words[count++], sizeof words[0], "%s %s", alert_kind_name(rows[at].alert),
                           alert_severity_name(rows[at].severity));
    qsort(words, count, sizeof words[0], verdictrows_by_words);
    out[0] = '\0';
    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(out + len, cap - len, "%s%s", i == 0 ? "" : ", ", words[i]);
}

#endif
