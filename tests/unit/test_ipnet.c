#include "watcher/ipnet.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <arpa/inet.h>
#include <cmocka.h>

static void parsing(void **state)
{
    static const struct {
        const char *typed;
        const char *text; /* NULL: refused */
    } rows[] = {
        {"192.0.2.7", "192.0.2.7"},
        {"192.0.2.7/32", "192.0.2.7"},
        {"192.0.2.7/24", "192.0.2.0/24"},
        {"0.0.0.0/0", "0.0.0.0/0"},
        {"10.255.255.255/9", "10.128.0.0/9"},
        {"2001:DB8::1", "2001:db8::1"},
        {"2001:db8:ffff::/33", "2001:db8:8000::/33"},
        {"2001:db8::/128", "2001:db8::"},
        {"::/0", "::/0"},
        {"::ffff:192.0.2.7", "192.0.2.7"},
        {"::ffff:192.0.2.7/120", "192.0.2.0/24"},
        {"::ffff:0:0/96", "0.0.0.0/0"},
        {"::ffff:0:0/95", "::fffe:0:0/95"},
        {"192.0.2.7/33", NULL},
        {"2001:db8::/129", NULL},
        {"192.0.2.7/", NULL},
        {"192.0.2.7/-1", NULL},
        {"192.0.2.7/24/24", NULL},
        {"192.0.2", NULL},
        {"192.0.2.07", NULL},
        {"example.com", NULL},
        {"", NULL},
        {"/24", NULL},
        {"1111111111111111111111111111111111111111111111111111111111111111111111111111111111", NULL},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct watch watch = {0};
        char out[IPNET_TEXT_MAX];
        bool ok = ipnet_parse(rows[i].typed, &watch.item, out);
        assert_int_equal(ok, rows[i].text != NULL);
        if (ok)
            assert_string_equal(out, rows[i].text);
    }
}

static void inside(void **state)
{
    static const struct {
        const char *net;
        const char *ip;
        bool in;
    } rows[] = {
        {"192.0.2.0/24", "192.0.2.255", true},
        {"192.0.2.0/24", "192.0.3.0", false},
        {"192.0.2.7", "192.0.2.7", true},
        {"192.0.2.7", "192.0.2.6", false},
        {"0.0.0.0/0", "203.0.113.9", true},
        {"10.128.0.0/9", "10.127.255.255", false},
        {"2001:db8::/33", "2001:db8:7fff::1", true},
        {"2001:db8::/33", "2001:db8:8000::1", false},
        {"192.0.2.0/24", "::ffff:192.0.2.9", true},
        {"192.0.2.0/24", "::192.0.2.9", false},
        {"::/0", "192.0.2.1", false},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++) {
        struct watch watch = {.kind = WATCH_IP};
        char out[IPNET_TEXT_MAX];
        uint8_t ip[16];
        size_t len = strchr(rows[i].ip, ':') != NULL ? 16 : 4;
        assert_true(ipnet_parse(rows[i].net, &watch.item, out));
        assert_int_equal(inet_pton(len == 4 ? AF_INET : AF_INET6, rows[i].ip, ip), 1);
        assert_int_equal(ipnet_inside(&watch.item, span_of(ip, len)), rows[i].in);
    }
    struct watch watch = {.kind = WATCH_IP, .ip_len = 4};
    assert_false(ipnet_inside(&watch.item, span_of("12345678", 8)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(parsing), cmocka_unit_test(inside)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
