#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <dirent.h>

#include "parser/lint.h"
#include "parser/tbs.h"
#include "tests/unit/sample.h"

static struct finding_set lint_of(struct span der)
{
    struct finding_set findings = {{0, 0}};
    struct cert cert;

    (void)tbs_read_certificate(der, &cert);
    lint_read(&cert, &findings);
    return findings;
}

/* tests/finding holds a file for each rule; this is about what no single file shows. */
static void adds_and_never_takes_away(void **state)
{
    struct span der = sample_load("finding/rsa_null_missing/key.der");
    struct finding_set findings = {{0, 0}};
    struct cert cert;

    (void)state;
    assert_true(tbs_read_certificate(der, &cert));
    finding_add(&findings, FINDING_LEAF_TRAILING);
    lint_read(&cert, &findings);
    assert_true(finding_has(&findings, FINDING_LEAF_TRAILING));
    assert_true(finding_has(&findings, FINDING_RSA_NULL_MISSING));
    sample_free(der);
}

/* Of what could not be read nothing is called missing or against a rule. */
static void silent_about_what_is_lost(void **state)
{
    struct span der = sample_load("finding/none/leaf.der");
    struct cert nothing = {.path_len = -1};
    struct finding_set findings = {{0, 0}};

    (void)state;
    lint_read(&nothing, &findings);
    assert_true(finding_none(&findings));
    findings = lint_of(der);
    assert_true(finding_none(&findings));
    for (size_t len = 0; len < der.len; len++) {
        findings = lint_of(span_part(der, 0, len));
        assert_true(finding_none(&findings));
    }
    sample_free(der);
}

/* A duplicate far behind the others is not searched for, and the search does not grow without bound. */
static void bounded_search(void **state)
{
    static uint8_t der[70000];
    struct finding_set findings = {{0, 0}};
    struct cert cert = {.path_len = -1, .version = 3, .tbs = SPAN_LIT("\x30\x00")};
    size_t len = 4;

    (void)state;
    while (len + 6 <= 65535) {
        static const uint8_t policy[6] = {0x30, 4, 6, 2, 0x2a, 3};
        memcpy(der + len, policy, sizeof policy);
        len += sizeof policy;
    }
    der[0] = 0x30;
    der[1] = 0x82;
    der[2] = (uint8_t)((len - 4) >> 8);
    der[3] = (uint8_t)(len - 4);
    cert.policies = span_of(der, len);
    lint_read(&cert, &findings);
    assert_true(finding_has(&findings, FINDING_POLICY_DUPLICATE));
    assert_false(finding_has(&findings, FINDING_EXTENSION_UNREADABLE));
}

/* What is said of the TBSCertificate alone is said of the certificate around it too. */
static void look_both_ways(struct span der)
{
    struct finding_set whole = {{0, 0}};
    struct finding_set bare = {{0, 0}};
    struct cert cert;
    struct cert inner;

    bool good = tbs_read_certificate(der, &cert);
    lint_read(&cert, &whole);
    assert_true(good || finding_none(&whole));
    if (!good || !tbs_read(cert.tbs, &inner))
        return;
    lint_read(&inner, &bare);
    assert_int_equal(bare.bits[0] & ~whole.bits[0], 0);
    assert_int_equal(bare.bits[1] & ~whole.bits[1], 0);
}

/* Many octets of a certificate become others, one after the other. */
static void damage_everywhere(const char *sample)
{
    struct span der = sample_load(sample);
    uint8_t *bytes = (uint8_t *)(uintptr_t)der.at;

    look_both_ways(der);
    for (size_t i = 0; i < der.len && der.len < 2048; i += 1 + i % 3) {
        bytes[i] ^= 0x01;
        look_both_ways(der);
        bytes[i] ^= 0x21;
        look_both_ways(der);
        bytes[i] ^= 0x20;
    }
    sample_free(der);
}

static void damaged_files(void **state)
{
    const char *source = getenv("CTVIGIL_SOURCE");
    char path[4096];
    char sample[1024];
    struct dirent *row;
    struct dirent *file;
    size_t count = 0;

    (void)state;
    (void)snprintf(path, sizeof path, "%s/tests/corpus/finding", source != NULL ? source : ".");
    DIR *rows = opendir(path);
    assert_non_null(rows);
    while ((row = readdir(rows)) != NULL) {
        (void)snprintf(path, sizeof path, "%s/tests/corpus/finding/%s", source != NULL ? source : ".",
                       row->d_name);
        DIR *files = row->d_name[0] == '.' ? NULL : opendir(path);
        while (files != NULL && (file = readdir(files)) != NULL) {
            if (strstr(file->d_name, ".der") == NULL)
                continue;
            (void)snprintf(sample, sizeof sample, "finding/%s/%s", row->d_name, file->d_name);
            damage_everywhere(sample);
            count++;
        }
        if (files != NULL)
            (void)closedir(files);
    }
    (void)closedir(rows);
    assert_true(count > 100);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(adds_and_never_takes_away),
        cmocka_unit_test(silent_about_what_is_lost),
        cmocka_unit_test(bounded_search),
        cmocka_unit_test(damaged_files),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
