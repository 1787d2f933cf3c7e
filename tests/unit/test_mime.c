/* Mails that no text breaks out of. */
#include "watcher/mime.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static void addresses(void **state)
{
    static const struct {
        const char *text;
        bool fits;
    } rows[] = {
        {"a@example.org", true},
        {"first.last+x@sub.example.org", true},
        {"", false},
        {"a", false},
        {"@b", false},
        {"a@", false},
        {"a@b@c", false},
        {"a b@c", false},
        {"a@b\r\nBcc: c@d", false},
        {"<a@b>", false},
        {"a@b,c@d", false},
        {"\"a\"@b", false},
        {"-oQ@example.org", false},
        {"\xc3\xa4@example.org", false},
    };
    (void)state;
    for (size_t i = 0; i < countof(rows); i++)
        if (mime_address(rows[i].text) != rows[i].fits)
            fail_msg("%s", rows[i].text);
}

/* Every line of the head is a header or goes on with one; no line is too long; nothing but ASCII. */
static void check_form(const char *mail)
{
    bool head = true;
    while (*mail != '\0') {
        const char *end = strstr(mail, "\r\n");
        assert_non_null(end);
        assert_true(end - mail <= 998);
        for (const char *at = mail; at < end; at++)
            assert_true((unsigned char)*at >= 0x20 && (unsigned char)*at < 0x7f);
        if (end == mail)
            head = false;
        if (head && *mail != ' ')
            assert_true(strcspn(mail, ":") < strcspn(mail, " \r"));
        mail = end + 2;
    }
}

static const char cyrillic[] =
    "\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82 \xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82 "
    "\xd0\xbf\xd1\x80\xd0\xb8\xd0\xb2\xd0\xb5\xd1\x82 \xe2\x82\xac\xe2\x82\xac\xe2\x82\xac";

static void headers_stay_headers(void **state)
{
    static const char *const subjects[] = {
        "[ctvigil high] unexpected_ca www.example.com",
        "evil\r\nBcc: victim@example.org\r\n\r\nbody",
        "=?utf-8?B?ZXZpbA==?= looks encoded",
        cyrillic,
        "a very long subject a very long subject a very long subject a very long subject a very long subject",
        "",
    };
    static const char *const to[] = {"one@example.org", "two@example.org"};
    (void)state;
    for (size_t i = 0; i < countof(subjects); i++) {
        const struct mime_mail mail = {.from = "ctvigil@example.org",
                                       .to = to,
                                       .to_count = 2,
                                       .subject = subjects[i],
                                       .message_id = "key@example.org",
                                       .thread_id = "alert@example.org",
                                       .unix_ms = INT64_C(1795310161000),
                                       .text = ".\n.leading dot\nequals = and \xc3\xa4 and trailing blank \n"
                                               "--=_ctvigil_alternative_=--\n\x1b[31m",
                                       .html = "<p>x</p>"};
        struct buf out;
        buf_init(&out, 1u << 16);
        mime_put(&out, &mail);
        assert_true(buf_ok(&out));
        const char *text = buf_text(&out);
        check_form(text);
        assert_null(strstr(text, "\r\nBcc:"));
        assert_null(strstr(text, "\r\n."));
        assert_non_null(strstr(text, "\r\nDate: Sun, 22 Nov 2026 01:16:01 +0000\r\n"));
        assert_non_null(strstr(text, "trailing blank=20\r\n"));
        assert_non_null(strstr(text, "=1B[31m"));
        /* The boundary ends the mail and nothing before does. */
        const char *last = strstr(text, "--=_ctvigil_alternative_=--\r\n");
        assert_non_null(last);
        assert_string_equal(last, "--=_ctvigil_alternative_=--\r\n");
        buf_fini(&out);
    }
}

static void html_is_text(void **state)
{
    struct buf out;
    (void)state;
    buf_init(&out, 1024);
    mime_html(&out, "<script>alert('x & \"y\"')</script>");
    assert_string_equal(buf_text(&out),
                        "&lt;script&gt;alert(&#39;x &amp; &quot;y&quot;&#39;)&lt;/script&gt;");
    buf_fini(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(addresses), cmocka_unit_test(headers_stay_headers),
                                       cmocka_unit_test(html_is_text)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
