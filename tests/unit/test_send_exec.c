#include "watcher/send_exec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "tests/fixture/alertrow.h"
#include "watcher/message.h"

static char dir[] = "/tmp/ctvigil-hook-XXXXXX";
static char script[64];
static char output[64];

static enum err_code run(const struct db_alert_row *row, const char *body, int64_t timeout_ms,
                         struct err *why)
{
    struct channel *channel = NULL;
    struct channel_message message = {.row = row, .key = "11111111-2222-3333-4444-555555555555"};
    char *json = NULL;
    char *line = NULL;
    FILE *file = fopen(script, "w");
    assert_non_null(file);
    fprintf(file, "#!/bin/sh\n%s\n", body);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(script, 0700), 0);
    assert_int_equal(message_json(row, false, &json, NULL), ERR_OK);
    assert_int_equal(message_line(row, &line, NULL), ERR_OK);
    message.json = json;
    message.line = line;
    assert_int_equal(send_exec_new(script, dir, timeout_ms, &channel, NULL), ERR_OK);
    assert_string_equal(channel->name, "hook");
    enum err_code code = channel->ops->send(channel, &message, why);
    channel->ops->free(channel);
    free(json);
    free(line);
    return code;
}

static char *read_output(void)
{
    static char text[65536];
    FILE *file = fopen(output, "r");
    assert_non_null(file);
    text[fread(text, 1, sizeof text - 1, file)] = '\0';
    assert_int_equal(fclose(file), 0);
    return text;
}

/* Runs `env` in the hook and looks for whole lines. */
static void expect_environment(const struct db_alert_row *row, const char *const *lines,
                               const char *const *absent)
{
    char body[256];
    char line[512];
    (void)snprintf(body, sizeof body, "{ echo; env; } > %s", output);
    assert_int_equal(run(row, body, 10000, NULL), ERR_OK);
    const char *text = read_output();
    for (; *lines != NULL; lines++) {
        (void)snprintf(line, sizeof line, "\n%s\n", *lines);
        if (strstr(text, line) == NULL)
            fail_msg("%s is missing in %s", *lines, text);
    }
    for (; *absent != NULL; absent++) {
        (void)snprintf(line, sizeof line, "\n%s=", *absent);
        if (strstr(text, line) != NULL)
            fail_msg("%s is there: %s", *absent, text);
    }
}

static void certificate(void **state)
{
    static const char *const lines[] = {
        "EVENT=discovered_cert",
        "WATCH_ITEM=example.com",
        "LOG_URI=https://log.test/argon",
        "ENTRY_INDEX=17",
        "TBS_SHA256=abcd000000000000000000000000000000000000000000000000000000000000",
        "CERT_SHA256=dd",
        "FINGERPRINT=dd",
        "PUBKEY_SHA256=cc",
        "PUBKEY_HASH=cc",
        "NOT_BEFORE=2026-06-01T00:00:00Z",
        "NOT_BEFORE_RFC3339=2026-06-01T00:00:00Z",
        "NOT_BEFORE_UNIXTIME=1780272000",
        "NOT_AFTER_UNIXTIME=1814832000",
        "SUBJECT_DN=CN=www.example.com",
        "ISSUER_DN=CN=Other, O=X",
        "SERIAL=01f2",
        "CERT_PARSEABLE=yes",
        "CTVIGIL_ALERT_ID=5",
        "CTVIGIL_EVENT=new",
        "CTVIGIL_KIND=unexpected_ca",
        "CTVIGIL_SEVERITY=high",
        "CTVIGIL_DELIVERY_KEY=11111111-2222-3333-4444-555555555555",
        "KEPT=yes",
        NULL,
    };
    static const char *const absent[] = {"CTVIGIL_DB_DSN", "PGPASSWORD", "CERT_FILENAME", "PARSE_ERROR",
                                         NULL};
    struct db_alert_row row = alertrow();
    (void)state;
    (void)setenv("CTVIGIL_DB_DSN", "password=secret", 1);
    (void)setenv("PGPASSWORD", "secret", 1);
    (void)setenv("KEPT", "yes", 1);
    (void)setenv("SERIAL", "of somebody else", 1);
    expect_environment(&row, lines, absent);
}

static void other_events(void **state)
{
    static const char *const malformed[] = {"EVENT=malformed_cert", "ENTRY_INDEX=17", "CERT_PARSEABLE=no",
                                            "LEAF_HASH=AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=", NULL};
    static const char *const inconsistent[] = {"EVENT=error", NULL};
    static const char *const test[] = {"EVENT=test", NULL};
    static const char *const absent[] = {"CERT_SHA256", "JSON_FILENAME", "CERT_FILENAME", NULL};
    static const char *const no_entry[] = {"CERT_SHA256", "LEAF_HASH", "ENTRY_FILENAME", NULL};
    static const char *const chain[] = {"EVENT=discovered_cert",
                                        "CHAIN_ERROR=no certificate of the chain has the issuer's key",
                                        "VALIDITY_PARSE_ERROR=a validity time can not be read", NULL};
    static const char *const no_times[] = {"NOT_BEFORE", "NOT_AFTER_UNIXTIME", "SUBJECT_PARSE_ERROR", NULL};
    struct db_alert_row row = alertrow();
    (void)state;
    (void)unsetenv("SERIAL");
    row.issuance = "{\"form\":\"final\",\"serial\":\"01\",\"not_before\":null,\"not_after\":null,"
                   "\"findings\":[\"time_unreadable\",\"chain_mismatch\"]}";
    expect_environment(&row, chain, no_times);
    static const char *const withdrawn[] = {
        "EVENT=withdrawn", "CTVIGIL_EVENT=withdrawn",
        "TBS_SHA256=abcd000000000000000000000000000000000000000000000000000000000000", NULL};
    row.event = "withdrawn";
    expect_environment(&row, withdrawn, no_times);
    row.event = "escalated";
    expect_environment(&row, chain, no_times);
    row.has_fp = false;
    row.issuance = "{\"serial\":null,\"form\":\"unparsed\"}";
    row.kind = "malformed";
    row.has_entry = true;
    row.leaf = SPAN_LIT("leaf");
    row.extra = SPAN_LIT("more");
    memcpy(row.leaf_hash, "\x01\x02\x03", 3);
    expect_environment(&row, malformed, absent);
    char body[256];
    (void)snprintf(body, sizeof body, "cat \"$ENTRY_FILENAME\" > %s", output);
    assert_int_equal(run(&row, body, 10000, NULL), ERR_OK);
    assert_string_equal(read_output(), "{\"leaf_input\":\"bGVhZg==\",\"extra_data\":\"bW9yZQ==\"}\n");
    row.has_entry = false;
    expect_environment(&row, inconsistent + 1, no_entry);
    row.issuance = NULL;
    row.kind = "log_inconsistent";
    expect_environment(&row, inconsistent, absent);
    row.kind = "test";
    expect_environment(&row, test, absent);
}

/* A script of certspotter's tells of every discovered_cert as of a new certificate. */
static void what_is_known_is_not_discovered(void **state)
{
    static const struct {
        const char *kind;
        const char *event;
        const char *line;
    } rows[] = {
        {"expiring", "new", "EVENT=known_cert"},
        {"expiring", "escalated", "EVENT=known_cert"},
        {"expiring", "withdrawn", "EVENT=withdrawn"},
        {"missing_renewal", "new", "EVENT=known_cert"},
        {"unusual_renewal", "new", "EVENT=known_cert"},
        {"sct_not_incorporated", "new", "EVENT=known_cert"},
        {"distrusted_ca", "new", "EVENT=discovered_cert"},
        {"distrusted_ca", "handed_on", "EVENT=discovered_cert"},
        {"distrusted_ca", "escalated", "EVENT=known_cert"},
        {"constraint_violation", "escalated", "EVENT=known_cert"},
        {"untrusted_ca", "seen_again", "EVENT=known_cert"},
        {"compromised_key", "escalated", "EVENT=known_cert"},
        {"compromised_key", "new", "EVENT=discovered_cert"},
        {"unexpected_ca", "escalated", "EVENT=discovered_cert"},
        {"twin_serial", "new", "EVENT=discovered_cert"},
    };
    static const char *const none[] = {NULL};
    (void)state;
    (void)unsetenv("SERIAL");
    for (size_t i = 0; i < countof(rows); i++) {
        struct db_alert_row row = alertrow();
        row.kind = rows[i].kind;
        row.event = rows[i].event;
        const char *const lines[] = {rows[i].line, "SERIAL=01f2", "CERT_PARSEABLE=yes", NULL};
        expect_environment(&row, lines, none);
    }
}

/* The certificate, where its bytes are kept. */
static void the_certificate_is_a_file(void **state)
{
    struct db_alert_row row = alertrow();
    uint8_t der[100];
    char body[256];
    (void)state;
    for (size_t i = 0; i < sizeof der; i++)
        der[i] = (uint8_t)i;
    (void)snprintf(body, sizeof body, "test -z \"$CERT_FILENAME\" && echo none > %s", output);
    assert_int_equal(run(&row, body, 10000, NULL), ERR_OK);
    assert_string_equal(read_output(), "none\n");
    row.der = span_of(der, sizeof der);
    (void)snprintf(body, sizeof body, "cat \"$CERT_FILENAME\" > %s", output);
    assert_int_equal(run(&row, body, 10000, NULL), ERR_OK);
    static const char expected[] = "-----BEGIN CERTIFICATE-----\n"
                                   "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8gISIjJCUmJygpKissLS4v\n"
                                   "MDEyMzQ1Njc4OTo7PD0+P0BBQkNERUZHSElKS0xNTk9QUVJTVFVWV1hZWltcXV5f\n"
                                   "YGFiYw==\n"
                                   "-----END CERTIFICATE-----\n";
    assert_string_equal(read_output(), expected);
}

/* The files hold what they promise while the hook runs, and are gone afterwards. */
static void files(void **state)
{
    struct db_alert_row row = alertrow();
    char body[512];
    (void)state;
    (void)snprintf(body, sizeof body,
                   "test -s \"$TEXT_FILENAME\" && cat \"$CTVIGIL_ALERT_JSON\" \"$JSON_FILENAME\" > %s"
                   " && dirname \"$TEXT_FILENAME\" >> %s",
                   output, output);
    assert_int_equal(run(&row, body, 10000, NULL), ERR_OK);
    char *text = read_output();
    assert_non_null(strstr(text, "\"schema\":\"ctvigil.alert.1\""));
    assert_non_null(strstr(text, "\"pubkey_sha256\":\"cc\""));
    char *folder = strstr(text, dir);
    assert_non_null(folder);
    folder[strcspn(folder, "\n")] = '\0';
    assert_int_not_equal(access(folder, F_OK), 0);
}

static void failures(void **state)
{
    static const struct {
        const char *body;
        int64_t timeout_ms;
        enum err_code code;
        const char *said;
    } rows[] = {
        {"exit 1", 10000, ERR_SYSTEM, "exit status 1"},
        {"echo 'no route to \033[31mpager' >&2; exit 7", 10000, ERR_SYSTEM,
         "exit status 7: no route to \\x1b[31mpager"},
        {"head -c 1000000 /dev/zero; echo done; exit 2", 10000, ERR_SYSTEM, "done"},
        {"kill -SEGV $$", 10000, ERR_SYSTEM, "signal 11"},
        {"sleep 30", 200, ERR_TIMEOUT, "ended after 200 ms"},
    };
    struct db_alert_row row = alertrow();
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct err why = {0};
        assert_int_equal(run(&row, rows[i].body, rows[i].timeout_ms, &why), rows[i].code);
        if (strstr(why.text, rows[i].said) == NULL)
            fail_msg("%s: %s", rows[i].body, why.text);
    }
}

static void configuration(void **state)
{
    struct channel *channel = NULL;
    (void)state;
    assert_int_equal(send_exec_new("/no/such/program", NULL, 1000, &channel, NULL), ERR_CONFIG);
    assert_int_equal(send_exec_new("/etc/passwd", NULL, 1000, &channel, NULL), ERR_CONFIG);
    assert_int_equal(send_exec_new("/etc", NULL, 1000, &channel, NULL), ERR_CONFIG);
    assert_int_equal(send_exec_new("", NULL, 1000, &channel, NULL), ERR_CONFIG);
    assert_null(channel);
}

static int make(void **state)
{
    (void)state;
    if (mkdtemp(dir) == NULL)
        return -1;
    (void)snprintf(script, sizeof script, "%s/hook", dir);
    (void)snprintf(output, sizeof output, "%s/output", dir);
    return 0;
}

static int clean(void **state)
{
    (void)state;
    (void)unlink(script);
    (void)unlink(output);
    return rmdir(dir); /* fails when a run left something behind */
}

/* A script that was written for certspotter, by what its manual promises to scripts: every variable without a
 * default, every field of its JSON file, kinds of events that are not known yet. */
static void a_script_for_certspotter(void **state)
{
    static const char body[] =
        "set -eu\n"
        "case $EVENT in\n"
        "discovered_cert)\n"
        "  for key in tbs_sha256 pubkey_sha256 dns_names ip_addresses not_before not_after; do\n"
        "    grep -q \"\\\"$key\\\":\" \"$JSON_FILENAME\"\n"
        "  done\n"
        "  test -s \"$TEXT_FILENAME\" && test -n \"$SUMMARY\" && test -n \"$NOT_BEFORE\" && test -n "
        "\"$NOT_AFTER\"\n"
        "  days=$(((NOT_AFTER_UNIXTIME - NOT_BEFORE_UNIXTIME) / 86400))\n"
        "  set -- \"$WATCH_ITEM\" \"$LOG_URI\" \"$ENTRY_INDEX\" \"$TBS_SHA256\" \"$CERT_SHA256\" "
        "\"$PUBKEY_SHA256\" \\\n"
        "    \"$NOT_BEFORE_RFC3339\" \"$NOT_AFTER_RFC3339\" \"$SUBJECT_DN\" \"$ISSUER_DN\" \"$SERIAL\" $days "
        ";;\n"
        "malformed_cert)\n"
        "  grep -q leaf_input \"$ENTRY_FILENAME\" && grep -q extra_data \"$ENTRY_FILENAME\"\n"
        "  test -s \"$TEXT_FILENAME\" && test -n \"$PARSE_ERROR\"\n"
        "  set -- \"$LOG_URI\" \"$ENTRY_INDEX\" \"$LEAF_HASH\" ;;\n"
        "error) test -s \"$TEXT_FILENAME\"; set -- \"$SUMMARY\" ;;\n"
        "*) set -- ;;\n"
        "esac\n";
    static const char told[] =
        "discovered_cert example.com https://log.test/argon 17"
        " abcd000000000000000000000000000000000000000000000000000000000000 dd cc"
        " 2026-06-01T00:00:00Z 2027-07-06T00:00:00Z CN=www.example.com CN=Other, O=X 01f2 400\n";
    char script_text[4096];
    struct db_alert_row row = alertrow();
    struct err why = {0};
    (void)state;
    (void)snprintf(script_text, sizeof script_text, "%secho \"$EVENT $*\" > %s", body, output);
    if (run(&row, script_text, 10000, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_string_equal(read_output(), told);
    row.has_fp = false;
    row.issuance = "{\"serial\":null,\"form\":\"unparsed\"}";
    row.kind = "malformed";
    row.has_entry = true;
    row.leaf = SPAN_LIT("leaf");
    row.extra = SPAN_LIT("more");
    memcpy(row.leaf_hash, "\x01\x02\x03", 3);
    if (run(&row, script_text, 10000, &why) != ERR_OK)
        fail_msg("%s", why.text);
    assert_string_equal(read_output(), "malformed_cert https://log.test/argon 17"
                                       " AQIDAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n");
    row = alertrow();
    row.event = "withdrawn";
    assert_int_equal(run(&row, script_text, 10000, NULL), ERR_OK);
    assert_string_equal(read_output(), "withdrawn \n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_certificate_is_a_file),
        cmocka_unit_test(certificate),
        cmocka_unit_test(other_events),
        cmocka_unit_test(what_is_known_is_not_discovered),
        cmocka_unit_test(files),
        cmocka_unit_test(a_script_for_certspotter),
        cmocka_unit_test(failures),
        cmocka_unit_test(configuration),
    };
    return cmocka_run_group_tests(tests, make, clean);
}
