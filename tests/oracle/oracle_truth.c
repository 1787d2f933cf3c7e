/* Compares what `ctvigil cert --json` prints with truth.jsonl, the majority view of three independent
 * parsers, for each certificate of the corpus. Rows on which all three agreed must be equal in every field.
 * Each of the others falls under one rule of docs/parser-differences.md, and the counts there must be right:
 * how many rows, and on how many of them we remark something (parser/lint.h included). */
#include <stdio.h>
#include <stdlib.h>

#include "base/dns.h"
#include "base/text.h"
#include "cli/certview.h"
#include "ingest/examine.h"
#include "parser/dn.h"
#include "parser/lint.h"
#include "parser/san.h"
#include "verify/digest.h"

#define FILE_MAX       (1u << 20)
#define LINE_MAX_BYTES (16u << 20)

static const char *const fields[] = {
    "version",
    "serial",
    "issuer",
    "subject",
    "not_before",
    "not_after",
    "cn",
    "dns",
    "ip",
    "email",
    "uri",
    "key_alg",
    "key_bits",
    "sig_oid",
    "spki_sha256",
    "is_ca",
    "poison",
    "sct_count",
    "exts",
    "issuer_der_sha256",
    "subject_der_sha256",
    "tbs_sha256",
    "key_oid",
    "tbs_sig_oid",
    "sig_len",
    "san_other",
    "subject_types",
};

/* Why a row is not one of those on which all agree; the first that fits. */
enum rule {
    RULE_SCT_LIST_END,
    RULE_KEY_REENCODED,
    RULE_FIELD_REFUSED,
    RULE_VALUES_DIFFER,
    RULE_GO_REFUSES,
    RULE_RUST_REFUSES,
    RULE_ONLY_OPENSSL,
    RULE_ONLY_GO,
    RULE_ONLY_RUST,
    RULE_ALL_REFUSE,
    RULE_UNREADABLE,
    RULE_COUNT,
};

static const char *const rule_names[RULE_COUNT] = {
    "sct_list_end", "key_reencoded", "field_refused", "values_differ", "go_refuses", "rust_refuses",
    "only_openssl", "only_go",       "only_rust",     "all_refuse",    "unreadable",
};

/* Rows on which we differ from the table and know why. Anything else is a failure. */
static const struct explained {
    const char *sha256; /* its first 8 digits */
    const char *field;
    enum rule rule;
} explained[] = {
    /* The list can not be read to its end: the SCTs in front of the damage are shown, the table says none. */
    {"a849f5a3", "sct_count", RULE_SCT_LIST_END},
    {"b746443b", "sct_count", RULE_SCT_LIST_END},
    /* The table re-encoded the key; ours is the hash of the bytes in the certificate. */
    {"82077991", "spki_sha256", RULE_KEY_REENCODED},
    {"8ed71b30", "spki_sha256", RULE_KEY_REENCODED},
    {"94111606", "spki_sha256", RULE_KEY_REENCODED},
    {"b048695e", "spki_sha256", RULE_KEY_REENCODED},
    {"b1636b3d", "spki_sha256", RULE_KEY_REENCODED},
    {"b5129339", "spki_sha256", RULE_KEY_REENCODED},
};

static const struct explained *explained_of(const json_t *row)
{
    const char *sha256 = json_string_value(json_object_get(row, "sha256"));

    for (size_t i = 0; i < countof(explained); i++) {
        if (strncmp(sha256, explained[i].sha256, 8) == 0)
            return &explained[i];
    }
    return NULL;
}

static bool is_explained(const json_t *row, const char *field)
{
    const struct explained *known = explained_of(row);

    return known != NULL && strcmp(field, known->field) == 0;
}

static enum rule rule_of(const json_t *row, const struct cert *cert)
{
    const struct explained *known = explained_of(row);
    const json_t *parse = json_object_get(row, "parse");
    bool openssl = json_is_true(json_object_get(parse, "ossl"));
    bool go = json_is_true(json_object_get(parse, "go"));
    bool rust = json_is_true(json_object_get(parse, "pyca"));

    if (known != NULL)
        return known->rule;
    if (openssl && go && rust)
        return json_object_size(json_object_get(row, "pyca_field_err")) != 0 ? RULE_FIELD_REFUSED
                                                                             : RULE_VALUES_DIFFER;
    if (openssl)
        return rust ? RULE_GO_REFUSES : go ? RULE_RUST_REFUSES : RULE_ONLY_OPENSSL;
    if (go || rust)
        return go ? RULE_ONLY_GO : RULE_ONLY_RUST;
    return finding_has(&cert->findings, FINDING_CERTIFICATE_UNREADABLE) ? RULE_UNREADABLE : RULE_ALL_REFUSE;
}

enum group { GROUP_AGREED, GROUP_OK, GROUP_PARTIAL, GROUP_BAD, GROUP_COUNT };

static const char *const group_names[GROUP_COUNT] = {"agreed", "ok", "partial", "bad"};

struct tally {
    unsigned long rows[GROUP_COUNT];
    unsigned long differ[GROUP_COUNT][countof(fields)];
    unsigned long nulls[countof(fields)]; /* fields of rows that no parser of the three could fill */
    unsigned long unexplained;
    unsigned long rule[RULE_COUNT];
    unsigned long remarked[RULE_COUNT]; /* rows of it on which we have a finding */
    bool verbose;
};

static enum group group_of(const json_t *row)
{
    const char *status = json_string_value(json_object_get(row, "status"));

    if (json_is_true(json_object_get(row, "agree")))
        return GROUP_AGREED;
    if (strcmp(status, "ok") == 0)
        return GROUP_OK;
    return strcmp(status, "partial") == 0 ? GROUP_PARTIAL : GROUP_BAD;
}

static size_t read_file(const char *folder, const char *name, uint8_t *out)
{
    char path[4096];

    (void)snprintf(path, sizeof path, "%s/%s", folder, name);
    FILE *file = fopen(path, "rb");
    if (file == NULL) {
        perror(path);
        exit(1);
    }
    size_t len = fread(out, 1, FILE_MAX, file);
    (void)fclose(file);
    return len;
}

static void set_digest(json_t *seen, const char *key, struct span bytes)
{
    uint8_t hash[32];
    char hex[65];

    if (bytes.at == NULL)
        return;
    digest_sha256(bytes, hash);
    (void)json_object_set_new(seen, key, json_string(text_hex(span_of(hash, 32), hex)));
}

/* What the table has and the command does not print: the size of the signature, the number of alternative
 * names of other kinds, the string types of the subject. */
static void set_counted(json_t *seen, const struct cert *cert)
{
    json_t *types = json_array();
    json_int_t others = 0;
    struct san san;
    struct san_item name;
    struct dn dn;
    struct dn_attr attr;

    san_init(&san, cert);
    while (san_next(&san, &name))
        others +=
            name.kind != SAN_DNS && name.kind != SAN_IP && name.kind != SAN_EMAIL && name.kind != SAN_URI;
    dn_init(&dn, cert->subject);
    for (uint32_t rdn = UINT32_MAX; dn_next(&dn, &attr); rdn = attr.rdn) {
        if (attr.rdn != rdn)
            (void)json_array_append_new(types, json_array());
        (void)json_array_append_new(json_array_get(types, json_array_size(types) - 1),
                                    json_integer(attr.tag));
    }
    (void)json_object_set_new(seen, "sig_len", json_integer((json_int_t)cert->sig.len));
    (void)json_object_set_new(seen, "san_other", json_integer(others));
    (void)json_object_set_new(seen, "subject_types", types);
}

static void differ(struct tally *tally, enum group group, size_t field, const json_t *row, const json_t *seen)
{
    bool known = group != GROUP_AGREED && is_explained(row, fields[field]);

    tally->differ[group][field]++;
    tally->unexplained += !known;
    if (!tally->verbose && known)
        return;
    char *expected = json_dumps(json_object_get(row, fields[field]), JSON_COMPACT | JSON_ENCODE_ANY);
    char *found = json_dumps(json_object_get(seen, fields[field]), JSON_COMPACT | JSON_ENCODE_ANY);
    printf("%s %s %s\n  expected %.300s\n  found    %.300s\n", group_names[group], fields[field],
           json_string_value(json_object_get(row, "file")), expected != NULL ? expected : "-",
           found != NULL ? found : "-");
    free(expected);
    free(found);
}

static void compare(struct tally *tally, const json_t *row, const json_t *seen)
{
    enum group group = group_of(row);

    tally->rows[group]++;
    for (size_t i = 0; i < countof(fields); i++) {
        json_t *expected = json_object_get(row, fields[i]);
        json_t *found = json_object_get(seen, fields[i]);
        if (expected == NULL)
            continue;
        /* Nobody could say: then what we say is more, not different. */
        if (json_is_null(expected) && group != GROUP_AGREED) {
            tally->nulls[i] += found != NULL && !json_is_null(found);
            continue;
        }
        if (found == NULL || !json_equal(expected, found))
            differ(tally, group, i, row, seen);
    }
}

/* Nothing is dropped: what nobody else reads has a finding here, and what can not be read at all has a name
 * that concerns everybody. */
static void judge_odd(struct tally *tally, const json_t *row, const struct cert *cert,
                      const struct issuance *issuance)
{
    struct finding_set findings = issuance->findings;
    enum rule rule = rule_of(row, cert);
    bool silent;

    lint_read(cert, &findings);
    tally->rule[rule]++;
    tally->remarked[rule] += !finding_none(&findings);
    silent = (rule == RULE_ALL_REFUSE || rule == RULE_UNREADABLE) && finding_none(&findings);
    silent = silent || (rule == RULE_UNREADABLE && !issuance_has_placeholder(issuance));
    tally->unexplained += silent;
    if (silent)
        printf("%s is passed over\n", json_string_value(json_object_get(row, "file")));
}

static void judge(struct tally *tally, const char *folder, const json_t *row, struct arena *arena,
                  uint8_t *room)
{
    struct issuance issuance;
    struct cert cert;
    uint8_t sha256[32];
    char hex[65];
    size_t len = read_file(folder, json_string_value(json_object_get(row, "file")), room);

    (void)examine_certificate(span_of(room, len), arena, &cert, &issuance, sha256);
    json_t *seen = certview_json(&(struct certview){.cert = &cert, .issuance = &issuance, .sha256 = sha256});
    set_digest(seen, "issuer_der_sha256", cert.issuer);
    set_digest(seen, "subject_der_sha256", cert.subject);
    set_digest(seen, "tbs_sha256", cert.tbs);
    set_counted(seen, &cert);
    compare(tally, row, seen);
    if (group_of(row) != GROUP_AGREED)
        judge_odd(tally, row, &cert, &issuance);
    json_decref(seen);
    digest_sha256(span_of(room, len), sha256);
    must(strcmp(text_hex(span_of(sha256, 32), hex), json_string_value(json_object_get(row, "sha256"))) == 0);
    arena_reset(arena, FILE_MAX);
}

/* "| `rule` | rows | remarked |" in the page. */
static bool rules_are_told(const struct tally *tally)
{
    const char *source = getenv("CTVIGIL_SOURCE");
    static char page[FILE_MAX + 1];
    char row[128];
    bool told = true;

    size_t len = read_file(source != NULL ? source : ".", "docs/parser-differences.md", (uint8_t *)page);
    page[len] = '\0';
    for (int i = 0; i < RULE_COUNT; i++) {
        (void)snprintf(row, sizeof row, "| `%s` | %lu | %lu |", rule_names[i], tally->rule[i],
                       tally->remarked[i]);
        bool found = strstr(page, row) != NULL;
        printf("%s%s\n", row, found ? "" : " is not in docs/parser-differences.md");
        told = told && found;
    }
    (void)snprintf(row, sizeof row, "%lu rows on which all three agree", tally->rows[GROUP_AGREED]);
    if (strstr(page, row) == NULL)
        printf("\"%s\" is not in docs/parser-differences.md\n", row);
    return told && strstr(page, row) != NULL;
}

static int report(const struct tally *tally)
{
    printf("%-20s", "rows");
    for (int group = 0; group < GROUP_COUNT; group++)
        printf(" %8s", group_names[group]);
    printf(" %8s\n%-20s", "null", "");
    for (int group = 0; group < GROUP_COUNT; group++)
        printf(" %8lu", tally->rows[group]);
    printf("\n");
    for (size_t i = 0; i < countof(fields); i++) {
        printf("%-20s", fields[i]);
        for (int group = 0; group < GROUP_COUNT; group++)
            printf(" %8lu", tally->differ[group][i]);
        printf(" %8lu\n", tally->nulls[i]);
    }
    bool told = rules_are_told(tally);
    if (tally->rows[GROUP_AGREED] == 0) {
        printf("no rows\n");
        return 1;
    }
    printf("%lu disagreements without an explanation\n", tally->unexplained);
    return tally->unexplained == 0 && told ? 0 : 1;
}

int main(int argc, char **argv)
{
    static struct tally tally;
    char path[4096];
    char *line = malloc(LINE_MAX_BYTES);
    uint8_t *room = malloc(FILE_MAX);
    struct arena arena;

    if (argc < 2 || line == NULL || room == NULL || !arena_init(&arena, 64u << 20))
        return 1;
    must(dns_psl_load(SPAN_LIT("com\norg\nnet\n"), NULL) == ERR_OK);
    tally.verbose = argc > 2 && strcmp(argv[2], "-v") == 0;
    (void)snprintf(path, sizeof path, "%s/truth.jsonl", argv[1]);
    FILE *truth = fopen(path, "r");
    if (truth == NULL) {
        perror(path);
        return 1;
    }
    while (fgets(line, (int)LINE_MAX_BYTES, truth) != NULL) {
        json_t *row = json_loads(line, JSON_ALLOW_NUL, NULL);
        must(row != NULL);
        judge(&tally, argv[1], row, &arena, room);
        json_decref(row);
    }
    (void)fclose(truth);
    arena_fini(&arena);
    free(room);
    free(line);
    return report(&tally);
}
