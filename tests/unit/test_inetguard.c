/* Which addresses a webhook may reach. */
#include "watcher/inetguard.h"

#include <arpa/inet.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static bool read_address(const char *text, struct sockaddr_storage *out)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)(void *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)(void *)out;
    *out = (struct sockaddr_storage){0};
    out->ss_family = strchr(text, ':') != NULL ? AF_INET6 : AF_INET;
    return strchr(text, ':') != NULL ? inet_pton(AF_INET6, text, &v6->sin6_addr) == 1
                                     : inet_pton(AF_INET, text, &v4->sin_addr) == 1;
}

static void addresses(void **state)
{
    static const struct {
        const char *text;
        bool is_public;
        bool loopback;
    } rows[] = {
        {"8.8.8.8", true, false},
        {"9.255.255.255", true, false},
        {"10.0.0.0", false, false},
        {"11.0.0.1", true, false},
        {"0.0.0.0", false, false},
        {"100.63.255.255", true, false},
        {"100.64.0.1", false, false},
        {"127.0.0.1", false, true},
        {"127.255.0.9", false, true},
        {"128.0.0.1", true, false},
        {"169.254.169.254", false, false},
        {"172.15.0.1", true, false},
        {"172.16.0.1", false, false},
        {"172.31.255.255", false, false},
        {"172.32.0.1", true, false},
        {"192.0.2.1", false, false},
        {"192.168.1.1", false, false},
        {"198.18.0.1", false, false},
        {"198.20.0.1", true, false},
        {"224.0.0.1", false, false},
        {"255.255.255.255", false, false},
        {"::", false, false},
        {"::1", false, true},
        {"::ffff:127.0.0.1", false, true},
        {"::ffff:10.1.2.3", false, false},
        {"::ffff:8.8.8.8", true, false},
        {"64:ff9b::10.0.0.1", false, false},
        {"64:ff9b::8.8.8.8", true, false},
        {"64:ff9b:1::1", false, false},
        {"2002:0a00:0001::1", false, false},
        {"2002:0808:0808::1", true, false},
        {"2001::1", false, false},
        {"2001:db8::1", false, false},
        {"2001:4860:4860::8888", true, false},
        {"fd00::1", false, false},
        {"fe80::1", false, false},
        {"ff02::1", false, false},
        {"::7f00:1", false, false},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct sockaddr_storage address;
        const struct sockaddr *at = (const struct sockaddr *)(const void *)&address;
        assert_true(read_address(rows[i].text, &address));
        if (inetguard_public(at) != rows[i].is_public || inetguard_loopback(at) != rows[i].loopback)
            fail_msg("%s", rows[i].text);
        assert_int_equal(inetguard_allows(INETGUARD_PUBLIC, at), rows[i].is_public);
        assert_int_equal(inetguard_allows(INETGUARD_LOOPBACK, at), rows[i].loopback);
        assert_true(inetguard_allows(INETGUARD_ANY, at));
    }
    const struct sockaddr_storage local = {.ss_family = AF_UNIX};
    for (int level = INETGUARD_PUBLIC; level <= INETGUARD_ANY; level++)
        assert_false(
            inetguard_allows((enum inetguard_level)level, (const struct sockaddr *)(const void *)&local));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(addresses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
