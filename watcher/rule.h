/* What the rules of a policy share: each stands in a file rule_X.c, is pure, and says what it expected and
 * what it found in words for people who know nothing of us. policy_judge calls them one after the other; all
 * of them must hold. */
#ifndef CTVIGIL_RULE_H
#define CTVIGIL_RULE_H

#include "base/buf.h"
#include "watcher/policy.h"

struct rule {
    const struct policy_case *what;
    struct arena *arena;
    struct alert *alert;
    bool full; /* of the arena; the alert is not to be used */
};

#define RULE_TEXT_MAX   8192
#define RULE_LISTED_MAX 16 /* things named in one text; the rest is counted */

/* Copies the text into the arena and frees the buffer. */
struct span rule_keep(struct rule *rule, struct buf *text);
/* Appends a finding of the severity that the watch, or else alert.def, has for the kind. `name` is static. */
struct alert_finding *rule_add(struct rule *rule, enum alert_kind kind, const char *name,
                               struct span expected, struct span found);
/* "spki:HEX" */
void rule_put_spki(struct buf *out, const uint8_t spki_sha256[32]);
/* "spki:HEX (LABEL), ..., and N more"; with `prefix` "spki:" or "tbs:" in front of each. The keys
 * that one name of a CA stands for are told together: "letsencrypt.org (20 keys)". */
void rule_put_hashes(struct buf *out, const char *prefix, const struct watch_allow *at, size_t count);
/* "a, b, ..., and N more" in visible form */
void rule_put_words(struct buf *out, const struct watch_words *words);
bool rule_has_hash(const struct watch_allow *at, size_t count, const uint8_t sha256[32]);

#endif
