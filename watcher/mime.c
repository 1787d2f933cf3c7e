#include "watcher/mime.h"

#include "base/text.h"

#define LINE_MAX_QP 72 /* of quoted-printable; 76 is the limit */
#define WORD_BYTES  39 /* of an encoded word: 52 digits of 75 characters */
#define ADDRESS_MAX 254
#define DAY_MS      86400000
#define BOUNDARY    "=_ctvigil_alternative_=" /* "=_" never stands in quoted-printable text */

bool mime_address(const char *text)
{
    const char *at = strchr(text, '@');
    size_t len = strlen(text);
    if (at == NULL || at == text || at[1] == '\0' || strchr(at + 1, '@') != NULL || len > ADDRESS_MAX)
        return false;
    for (size_t i = 0; i < len; i++)
        if (text[i] <= 0x20 || text[i] >= 0x7f || strchr("\"(),:;<>[\\]", text[i]) != NULL)
            return false;
    return text[0] != '-';
}

static bool plain(const char *text)
{
    for (size_t i = 0; text[i] != '\0'; i++)
        if ((unsigned char)text[i] < 0x20 || (unsigned char)text[i] >= 0x7f)
            return false;
    return strstr(text, "=?") == NULL;
}

/* Printable ASCII stands as it is, folded at blanks; anything else becomes encoded words (RFC 2047). */
static void put_subject(struct buf *out, const char *text)
{
    struct span rest = span_str(text);
    char word[WORD_BYTES * 2];
    buf_str(out, "Subject:");
    if (plain(text) && rest.len <= 900) {
        size_t column = 8;
        for (size_t i = 0; i < rest.len; i++) {
            size_t next = strcspn(text + i, " ");
            if (i == 0 || (text[i - 1] == ' ' && column + next > 76 && next != 0)) {
                buf_str(out, i == 0 ? " " : "\r\n ");
                column = 1;
            } else if (text[i - 1] == ' ') {
                buf_byte(out, ' ');
                column++;
            }
            if (text[i] != ' ')
                buf_byte(out, (uint8_t)text[i]);
            column++;
        }
        buf_str(out, "\r\n");
        return;
    }
    for (bool first = true; rest.len != 0; first = false) {
        size_t len = rest.len < WORD_BYTES ? rest.len : WORD_BYTES;
        while (len < rest.len && len > 1 && (rest.at[len] & 0xc0) == 0x80) /* whole characters only */
            len--;
        (void)text_base64(span_part(rest, 0, len), word);
        buf_fmt(out, "%s =?utf-8?B?%s?=", first ? "" : "\r\n", word);
        rest = span_part(rest, len, rest.len);
    }
    buf_str(out, "\r\n");
}

static void put_date(struct buf *out, int64_t unix_ms)
{
    static const char days[] = "ThuFriSatSunMonTueWed";
    static const char months[] = "JanFebMarAprMayJunJulAugSepOctNovDec";
    int64_t day = unix_ms / DAY_MS;
    int64_t second = unix_ms % DAY_MS / 1000;
    int64_t year;
    int month;
    int of_month;
    text_date(day, &year, &month, &of_month);
    buf_fmt(out, "Date: %.3s, %d %.3s %" PRId64 " %02d:%02d:%02d +0000\r\n", days + 3 * (day % 7), of_month,
            months + 3 * (month - 1), year, (int)(second / 3600), (int)(second / 60 % 60),
            (int)(second % 60));
}

static void put_quoted(struct buf *out, const char *text)
{
    size_t column = 0;
    for (; *text != '\0'; text++) {
        unsigned char c = (unsigned char)*text;
        if (c == '\n') {
            buf_str(out, "\r\n");
            column = 0;
            continue;
        }
        bool last = text[1] == '\n' || text[1] == '\0';
        bool as_is = c >= 0x20 && c < 0x7f && c != '=' && !(c == ' ' && last) && !(c == '.' && column == 0);
        if (column + (as_is ? 1 : 3) > LINE_MAX_QP) {
            buf_str(out, "=\r\n");
            column = 0;
            as_is = as_is && c != '.';
        }
        if (as_is)
            buf_byte(out, c);
        else
            buf_fmt(out, "=%02X", c);
        column += as_is ? 1 : 3;
    }
    buf_str(out, "\r\n");
}

static void put_part(struct buf *out, const char *type, const char *text)
{
    buf_fmt(out,
            "--" BOUNDARY "\r\nContent-Type: text/%s; charset=utf-8\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\n\r\n",
            type);
    put_quoted(out, text);
}

void mime_put(struct buf *out, const struct mime_mail *mail)
{
    must(mime_address(mail->from));
    buf_fmt(out, "From: ctvigil <%s>\r\nTo: ", mail->from);
    for (size_t i = 0; i < mail->to_count; i++) {
        must(mime_address(mail->to[i]));
        buf_fmt(out, "%s%s", i == 0 ? "" : ",\r\n ", mail->to[i]);
    }
    buf_str(out, "\r\n");
    put_subject(out, mail->subject);
    put_date(out, mail->unix_ms);
    buf_fmt(out, "Message-ID: <%s>\r\n", mail->message_id);
    if (mail->thread_id != NULL)
        buf_fmt(out, "References: <%s>\r\n", mail->thread_id);
    buf_str(out, "MIME-Version: 1.0\r\nAuto-Submitted: auto-generated\r\nX-Auto-Response-Suppress: All\r\n"
                 "Content-Type: multipart/alternative; boundary=\"" BOUNDARY "\"\r\n\r\n");
    put_part(out, "plain", mail->text);
    put_part(out, "html", mail->html);
    buf_str(out, "--" BOUNDARY "--\r\n");
}

void mime_html(struct buf *out, const char *text)
{
    for (; *text != '\0'; text++) {
        const char *entity = *text == '&'    ? "&amp;"
                             : *text == '<'  ? "&lt;"
                             : *text == '>'  ? "&gt;"
                             : *text == '"'  ? "&quot;"
                             : *text == '\'' ? "&#39;"
                                             : NULL;
        if (entity != NULL)
            buf_str(out, entity);
        else
            buf_byte(out, (uint8_t)*text);
    }
}
