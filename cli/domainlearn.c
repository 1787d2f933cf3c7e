#include "cli/domainlearn.h"

#include <stdio.h>
#include <stdlib.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/text.h"
#include "cli/caafind.h"
#include "cli/caretaker.h"
#include "cli/domaintest.h"
#include "cli/learn.h"
#include "cli/policyfile.h"
#include "cli/watchname.h"
#include "db/db_domain.h"
#include "db/db_known.h"
#include "db/db_unanswered.h"
#include "model/signing.h"
#include "trust/caatable.h"
#include "watcher/rule_type.h"

#define SHOWN_MAX 5  /* alerts told one by one */
#define LEFT_MAX  20 /* the same, by number */

struct learning {
    const struct cmd *cmd;
    const struct domainlearn *what;
    struct watch watch; /* what is asked for: item, nothing else */
    char name[DNS_TEXT_MAX];
    int64_t since; /* Unix seconds */
    struct learn *learn;
    json_t *serials; /* of stored ones, left out or not: what was imported of them is the same again */
    json_t *words;   /* key of a CA to what a policy calls it */
    json_t *kinds;   /* what the proposal would have raised: kind to count */
    json_t *alerts;  /* the first of them */
    json_t *open;    /* tbs_fp to the alert about it that nobody answered */
    bool cut;        /* there are older alerts than those */
    json_t *left;    /* those alerts whose certificates were left out */
    uint64_t judged;
    struct err failed; /* while it was matched */
};

static const char *dsn(void)
{
    return cmd_db_is_open() ? cmd_db_dsn() : NULL;
}

/* Asked once for each CA. NULL: the database failed. */
static const char *word_of(struct learning *doing, const uint8_t key[32], struct err *why)
{
    char hex[65];
    char word[CAAFIND_WORD_MAX];
    (void)text_hex(span_of(key, 32), hex);
    json_t *known = json_object_get(doing->words, hex);
    if (known == NULL) {
        if (caafind_word(dsn(), key, word, why) != ERR_OK)
            return NULL;
        known = json_string(word);
        must(known != NULL && json_object_set_new(doing->words, hex, known) == 0);
    }
    return json_string_value(known);
}

static void free_words(struct watch_words *words)
{
    for (size_t i = 0; i < words->count; i++)
        free(words->at[i]);
    free(words->at);
}

/* False: none of its names is certainly one that is asked for, where names are asked for. */
static bool take_names(const struct learning *doing, const struct issuance *issuance,
                       struct watch_words *words)
{
    bool ours = doing->watch.kind != WATCH_DNS;
    for (size_t i = 0; i < issuance->name_count && words->count < LIMIT_KNOWN_NAMES; i++) {
        const struct name *name = &issuance->names[i];
        char text[DNS_TEXT_MAX];
        if (name->kind != NAME_DNS || (name->flags & NAME_PLACEHOLDER) != 0 || name->text.len >= sizeof text)
            continue;
        ours = ours || dns_covers(name->text, span_str(doing->name), !doing->watch.exact);
        (void)snprintf(text, sizeof text, "%.*s", (int)name->text.len, (const char *)name->text.at);
        must(watch_words_add(words, text));
    }
    return ours;
}

static void note_serial(struct learning *doing, struct span serial)
{
    char hex[2 * 40 + 1];
    if (serial.len <= 40)
        must(json_object_set_new(doing->serials, text_hex(serial, hex) + strspn(hex, "0"), json_true()) == 0);
}

static void on_unanswered(void *arg, const struct db_unanswered *one)
{
    struct learning *doing = arg;
    char hex[65];
    must(json_object_set_new(doing->open, text_hex(span_of(one->tbs_fp, 32), hex), json_integer(one->id)) ==
         0);
}

/* A stranger's certificate must not make its CA, key or name usual. The number of an alert that is in the
 * list is negative. */
static bool is_left_out(struct learning *doing, struct span tbs_fp)
{
    char hex[65];
    json_t *id = tbs_fp.len == 32 ? json_object_get(doing->open, text_hex(tbs_fp, hex)) : NULL;
    json_int_t number = json_integer_value(id);
    if (number > 0)
        must(json_array_append_new(doing->left, json_integer(number)) == 0 &&
             json_integer_set(id, -number) == 0);
    return id != NULL;
}

static enum err_code on_stored(void *arg, const struct issuance *issuance, const struct sighting *sightings,
                               size_t count, struct err *why)
{
    struct learning *doing = arg;
    struct watch_words names = {0};
    int64_t first_ms = issuance->not_before * 1000;
    for (size_t i = 0; i < count; i++)
        if (i == 0 || sightings[i].timestamp_ms < first_ms)
            first_ms = sightings[i].timestamp_ms;
    enum err_code code = ERR_OK;
    note_serial(doing, issuance->serial);
    if (take_names(doing, issuance, &names) && first_ms / 1000 >= doing->since &&
        !is_left_out(doing, span_of(issuance->tbs_fp, 32))) {
        struct buf type;
        buf_init(&type, 64);
        rule_type_key(issuance, &type);
        struct learn_fact fact = {.names = &names,
                                  .spki = issuance->spki_sha256,
                                  .key_type = buf_text(&type),
                                  .not_before = issuance->not_before,
                                  .not_after = issuance->not_after};
        if (issuance->signing != SIGNING_UNKNOWN)
            fact.signing = signing_word((enum signing)issuance->signing);
        if (issuance->issuer_known) {
            fact.ca = word_of(doing, issuance->issuer_spki_sha256, why);
            code = fact.ca == NULL ? ERR_DB : ERR_OK;
        }
        if (code == ERR_OK)
            learn_add(doing->learn, &fact);
        buf_fini(&type);
    }
    free_words(&names);
    return code;
}

/* "O=" of a name in text: a sign for a person, no proof. */
static const char *owner_of(const char *issuer, char word[CAAFIND_WORD_MAX])
{
    char owner[CAATABLE_NAME_MAX];
    char organisation[CAATABLE_NAME_MAX];
    const char *at = strncmp(issuer, "O=", 2) == 0 ? issuer : strstr(issuer, ", O=");
    if (at == NULL)
        return NULL;
    at = strchr(at, '=') + 1;
    bool quoted = *at == '"';
    at += quoted;
    size_t len = quoted ? strcspn(at, "\"") : strcspn(at, ",");
    if (len == 0 || len >= sizeof organisation)
        return NULL;
    memcpy(organisation, at, len);
    organisation[len] = '\0';
    if (!caatable_owner(organisation, owner))
        return NULL;
    (void)snprintf(word, CAAFIND_WORD_MAX, "ca:%s", owner);
    return word;
}

static enum err_code on_known(void *arg, const struct db_known *known, struct err *why)
{
    struct learning *doing = arg;
    char word[CAAFIND_WORD_MAX];
    if (is_left_out(doing, known->tbs_fp))
        return ERR_OK;
    if (known->serial[0] != '\0') {
        if (json_object_get(doing->serials, known->serial) != NULL)
            return ERR_OK;
        must(json_object_set_new(doing->serials, known->serial, json_true()) == 0);
    }
    struct learn_fact fact = {.imported = true,
                              .names = &known->names,
                              .spki = known->spki_sha256.len == 32 ? known->spki_sha256.at : NULL,
                              .key_type = known->key_type,
                              .not_before = known->not_before,
                              .not_after = known->not_after};
    if (known->issuer_spki.len == 32) {
        fact.ca = word_of(doing, known->issuer_spki.at, why);
        if (fact.ca == NULL)
            return ERR_DB;
    } else {
        fact.ca = owner_of(known->issuer, word);
        fact.ca_by_name = true;
    }
    learn_add(doing->learn, &fact);
    return ERR_OK;
}

static void on_alert(void *arg, const struct alert *alert, const struct sighting *sightings, size_t count)
{
    struct learning *doing = arg;
    const struct alert_finding *finding = alert_gravest(alert);
    const char *kind = alert_kind_name(finding->kind);
    (void)sightings;
    (void)count;
    doing->judged++;
    json_int_t before = json_integer_value(json_object_get(doing->kinds, kind));
    must(json_object_set_new(doing->kinds, kind, json_integer(before + 1)) == 0);
    if (json_array_size(doing->alerts) >= SHOWN_MAX)
        return;
    char name[DNS_TEXT_MAX];
    char found[400];
    json_t *one =
        json_pack("{s:s, s:s, s:s, s:s}", "kind", kind, "severity", alert_severity_name(finding->severity),
                  "name", text_visible_str(alert->name, name, sizeof name), "found",
                  text_visible_str(finding->found, found, sizeof found));
    must(one != NULL && json_array_append_new(doing->alerts, one) == 0);
}

/* The proposal as `domain apply` would read it, held against everything that is stored. */
static enum err_code try_policy(struct learning *doing, struct pgconn *conn, const json_t *policy,
                                struct err *why)
{
    char path[POLICYFILE_PATH_MAX];
    struct watch *watch = calloc(1, sizeof *watch);
    struct history_result result = {0};
    json_t *entry = json_deep_copy(policy);
    must(watch != NULL && entry != NULL);
    enum err_code code = policyfile_entry(NULL, entry, watch, path, why);
    json_decref(entry);
    watch->id = 1;
    if (code == ERR_OK)
        code = caretaker_try(cmd_db_dsn(), conn, &(const struct watch *){watch}, 1,
                             &(struct caretaker_dry){.would = on_alert, .arg = doing}, &result, why);
    watch_free(watch, 1);
    return code;
}

static void print_counts(const char *head, const char *title, const json_t *counts)
{
    const char *key;
    json_t *value;
    size_t shown = 0;
    if (json_object_size(counts) == 0)
        return;
    printf("%s%s:", head, title);
    json_object_foreach((json_t *)(uintptr_t)counts, key, value)
    {
        char visible[300];
        if (shown++ == 20)
            break;
        printf("%s %s (%lld)", shown == 1 ? "" : ",",
               text_visible_str(span_str(key), visible, sizeof visible),
               (long long)json_integer_value(value));
    }
    if (json_object_size(counts) > 20)
        printf(", and %zu more", json_object_size(counts) - 20);
    putchar('\n');
}

static long long number(const json_t *evidence, const char *key)
{
    return (long long)json_integer_value(json_object_get(evidence, key));
}

static void print_evidence(const struct learning *doing, const json_t *evidence, const char *head)
{
    char day[TEXT_TIME_MAX];
    printf("%s%s since %.10s: %lld issuances stored, %lld more imported (unverified)\n", head, doing->name,
           text_time(doing->since * 1000, false, day), number(evidence, "stored"),
           number(evidence, "imported"));
    print_counts(head, "CAs", json_object_get(evidence, "cas"));
    print_counts(head, "CAs by the issuer's name alone, to be checked",
                 json_object_get(evidence, "cas_by_name"));
    if (number(evidence, "unknown_issuer") != 0)
        printf("%sof %lld the CA is not known\n", head, number(evidence, "unknown_issuer"));
    if (json_object_size(json_object_get(evidence, "cas")) +
            json_object_size(json_object_get(evidence, "cas_by_name")) ==
        0)
        printf("%sno CA is known, and an entry without `allow` tells of every certificate\n", head);
    print_counts(head, "names", json_object_get(evidence, "names"));
    print_counts(head, "wildcards", json_object_get(evidence, "wildcards"));
    print_counts(head, "key types", json_object_get(evidence, "key_types"));
    print_counts(head, "signatures", json_object_get(evidence, "signatures"));
    printf("%skeys: %lld, of which %lld were used again%s\n", head, number(evidence, "keys"),
           number(evidence, "keys_used_again"),
           number(evidence, "keys_used_again") == 0 ? "; `domain authorize` lists those that you have" : "");
    printf("%slongest validity: %lld days", head, number(evidence, "longest_days"));
    if (number(evidence, "renewals") != 0)
        printf("; renewed after %lld days (median of %lld)", number(evidence, "renewed_after_days"),
               number(evidence, "renewals"));
    putchar('\n');
}

static void print_left_out(const struct learning *doing, const char *head)
{
    size_t i;
    json_t *id;
    if (doing->cut)
        printf("%smore than %d alerts are unanswered: what the older ones are about was counted\n", head,
               DB_UNANSWERED_MAX);
    if (json_array_size(doing->left) == 0)
        return;
    printf("%sleft out, because nobody has answered the alert about it ('ctvigil alert ack ID' when it is "
           "fine): alert",
           head);
    json_array_foreach(doing->left, i, id)
    {
        if (i == LEFT_MAX)
            break;
        printf("%s %lld", i == 0 ? "" : ",", (long long)json_integer_value(id));
    }
    if (json_array_size(doing->left) > LEFT_MAX)
        printf(" and %zu more", json_array_size(doing->left) - LEFT_MAX);
    putchar('\n');
}

static void print_tried(const struct learning *doing, const char *head)
{
    size_t i;
    json_t *one;
    printf("%snot tried: %s\n", head, DOMAINTEST_NOT_TRIED);
    if (doing->judged == 0) {
        printf("%sheld against all that is stored, this would have raised nothing\n", head);
        return;
    }
    print_counts(head, "held against all that is stored, this would have raised", doing->kinds);
    json_array_foreach(doing->alerts, i, one) printf(
        "%s  %s %s: %s\n", head, json_string_value(json_object_get(one, "kind")),
        json_string_value(json_object_get(one, "name")), json_string_value(json_object_get(one, "found")));
}

/* JSON is YAML: what is in quotes stays what it is. */
static void print_policy(const json_t *policy)
{
    const char *key;
    const char *inner;
    json_t *value;
    json_t *member;
    const char *indent = "  - ";
    puts("watch:");
    json_object_foreach((json_t *)(uintptr_t)policy, key, value)
    {
        if (json_is_object(value)) {
            printf("%s%s:\n", indent, key);
            json_object_foreach(value, inner, member)
            {
                char *text = json_dumps(member, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
                printf("      %s: %s\n", inner, text);
                free(text);
            }
        } else {
            char *text = json_dumps(value, JSON_ENCODE_ANY | JSON_ENSURE_ASCII);
            printf("%s%s: %s\n", indent, key, text);
            free(text);
        }
        indent = "    ";
    }
}

static void print_all(const struct learning *doing, const json_t *policy)
{
    json_t *evidence = learn_evidence(doing->learn);
    const char *head = doing->what->yaml ? "# " : "";
    if (doing->cmd->json) {
        cmd_print_json(json_pack("{s:s, s:s, s:o, s:O, s:O, s:O, s:b, s:O, s:O, s:s}", "schema",
                                 "ctvigil.domain.learned.1", "name", doing->name, "since",
                                 cmd_json_time(doing->since * 1000), "evidence", evidence, "policy", policy,
                                 "left_out", doing->left, "left_out_cut", (int)doing->cut, "would_raise",
                                 doing->kinds, "examples", doing->alerts, "not_tried", DOMAINTEST_NOT_TRIED));
    } else {
        print_evidence(doing, evidence, head);
        print_left_out(doing, head);
        print_tried(doing, head);
        if (!doing->what->yaml)
            puts("\nNothing is changed. Read it, put it into a file (--yaml writes it), and 'ctvigil domain "
                 "apply"
                 " FILE' makes it the rule:\n");
        print_policy(policy);
    }
    json_decref(evidence);
}

static enum err_code describe(struct learning *doing, struct err *why)
{
    uint64_t days = doing->what->days == 0 ? DOMAINLEARN_DAYS : doing->what->days;
    enum err_code code = watchname_read(doing->what->name, &doing->watch, doing->name, why);
    if (code != ERR_OK)
        return code;
    if (doing->what->exact && doing->watch.kind != WATCH_DNS)
        return err_set(why, ERR_USAGE, "%s: only a domain has something below it", doing->name);
    if (days > 36500)
        return err_set(why, ERR_USAGE, "--days: at most 36500");
    doing->watch.exact = doing->what->exact;
    doing->watch.name = doing->name;
    doing->since = clock_wall_ms() / 1000 - (int64_t)days * 86400;
    doing->learn = learn_new(doing->name, doing->watch.kind, doing->what->exact);
    return ERR_OK;
}

/* Whether it concerns an address, an organisation or such, the matcher says. */
static void on_matched(void *arg, const struct alert *alert, const struct sighting *sightings, size_t count)
{
    struct learning *doing = arg;
    if (doing->failed.code == ERR_OK && alert->issuance != NULL && issuance_is_parsed(alert->issuance) &&
        on_stored(doing, alert->issuance, sightings, count, &doing->failed) != ERR_OK)
        must(doing->failed.code != ERR_OK);
}

static enum err_code learn_stored(struct learning *doing, struct pgconn *conn, struct err *why)
{
    struct history_result result = {0};
    const struct watch *watch = &doing->watch;
    const struct caretaker_dry dry = {.would = on_matched, .kept = on_matched, .arg = doing};
    if (watch->kind == WATCH_DNS)
        return db_domain_history(conn, watch, on_stored, doing, NULL, why);
    doing->watch.id = 1;
    enum err_code code = caretaker_try(cmd_db_dsn(), conn, &watch, 1, &dry, &result, why);
    return code == ERR_OK && doing->failed.code != ERR_OK
               ? err_set(why, doing->failed.code, "%s", doing->failed.text)
               : code;
}

static enum err_code learn_all(struct learning *doing, struct pgconn *conn, struct err *why)
{
    enum err_code code = db_unanswered_each(conn, doing->name, doing->watch.kind == WATCH_IP, &doing->cut,
                                            on_unanswered, doing, why);
    if (code == ERR_OK)
        code = learn_stored(doing, conn, why);
    if (code == ERR_OK && doing->watch.kind == WATCH_DNS)
        code = db_known_each(conn, doing->name, !doing->what->exact, doing->since, on_known, doing, why);
    if (code != ERR_OK)
        return code;
    if (learn_count(doing->learn) == 0 && json_array_size(doing->left) != 0)
        return err_set(why, ERR_NOT_FOUND,
                       "%s: about every certificate of this time there is an alert that nobody has answered "
                       "('ctvigil alert list'; 'ctvigil alert ack ID' when it is fine)",
                       doing->name);
    if (learn_count(doing->learn) == 0)
        return err_set(why, ERR_NOT_FOUND,
                       "%s: no certificate of this time is known (--days looks further back); 'ctvigil domain"
                       " import' takes the history that crt.sh or certspotter has",
                       doing->name);
    json_t *policy = learn_policy(doing->learn);
    code = try_policy(doing, conn, policy, why);
    if (code == ERR_OK)
        print_all(doing, policy);
    json_decref(policy);
    return code;
}

int domainlearn_run(const struct cmd *cmd, const struct domainlearn *what)
{
    struct learning doing = {.cmd = cmd,
                             .what = what,
                             .serials = json_object(),
                             .words = json_object(),
                             .kinds = json_object(),
                             .alerts = json_array(),
                             .open = json_object(),
                             .left = json_array()};
    struct pgconn *conn = NULL;
    struct err why = {0};
    must(doing.serials != NULL && doing.words != NULL && doing.kinds != NULL && doing.alerts != NULL);
    must(doing.open != NULL && doing.left != NULL);
    enum err_code code = cmd_db_open(cmd, &conn, &why);
    if (code == ERR_OK)
        code = describe(&doing, &why);
    if (code == ERR_OK)
        code = learn_all(&doing, conn, &why);
    learn_free(doing.learn);
    json_decref(doing.serials);
    json_decref(doing.words);
    json_decref(doing.kinds);
    json_decref(doing.alerts);
    json_decref(doing.open);
    json_decref(doing.left);
    caafind_forget();
    if (conn != NULL)
        cmd_db_close(conn);
    return code == ERR_OK ? CMD_OK : cmd_fail(&why);
}
