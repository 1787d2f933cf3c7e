#include "parser/when.h"

#include "base/text.h"
#include "parser/der.h"

struct digits {
    const uint8_t *at;
    const uint8_t *end;
    bool failed;
};

static bool is_digit(uint8_t c)
{
    return c >= '0' && c <= '9';
}

static int two(struct digits *in)
{
    if (in->end - in->at < 2 || !is_digit(in->at[0]) || !is_digit(in->at[1])) {
        in->failed = true;
        return 0;
    }
    in->at += 2;
    return (in->at[-2] - '0') * 10 + (in->at[-1] - '0');
}

static int days_in(int year, int month)
{
    static const uint8_t days[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return month == 2 && leap ? 29 : days[month - 1];
}

/* "Z", "+hhmm", "-hhmm" or nothing; anything but a final Z is odd. */
static bool zone(struct digits *in, int64_t *unix_s, bool *odd)
{
    if (in->at != in->end && *in->at == 'Z')
        return ++in->at == in->end;
    *odd = true;
    if (in->at == in->end)
        return true;
    if (*in->at != '+' && *in->at != '-')
        return false;
    int sign = *in->at++ == '-' ? 1 : -1;
    int hours = two(in);
    int minutes = two(in);
    if (in->failed || hours > 23 || minutes > 59 || in->at != in->end)
        return false;
    *unix_s += sign * (hours * INT64_C(3600) + minutes * INT64_C(60));
    return true;
}

static void fraction(struct digits *in, bool *odd)
{
    if (in->at == in->end || (*in->at != '.' && *in->at != ','))
        return;
    *odd = true;
    do
        in->at++;
    while (in->at != in->end && is_digit(*in->at));
}

__attribute__((cold, noinline)) static enum when unusual(uint32_t tag, struct span text, int64_t *unix_s)
{
    struct digits in = {text.at, text.at == NULL ? NULL : text.at + text.len, false};
    bool utc = tag == DER_UTC_TIME;
    bool odd = false;
    int second = 0;
    int64_t value;

    if (text.len == 0 || (!utc && tag != DER_GENERALIZED_TIME))
        return WHEN_UNREADABLE;
    int year = two(&in);
    year = utc ? year + (year >= 50 ? 1900 : 2000) : year * 100 + two(&in);
    int month = two(&in);
    int day = two(&in);
    int hour = two(&in);
    int minute = two(&in);
    if (in.failed)
        return WHEN_UNREADABLE;
    if (in.at != in.end && is_digit(*in.at))
        second = two(&in);
    else
        odd = true;
    fraction(&in, &odd);
    if (in.failed || month < 1 || month > 12 || day < 1 || day > days_in(year, month))
        return WHEN_UNREADABLE;
    bool midnight = hour == 24 && minute == 0 && second == 0;
    if ((hour > 23 && !midnight) || minute > 59 || second > 60)
        return WHEN_UNREADABLE;
    odd = odd || midnight || second == 60 || (!utc && year < 2050);
    value = text_days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second;
    if (!zone(&in, &value, &odd))
        return WHEN_UNREADABLE;
    *unix_s = value;
    return odd ? WHEN_ODD : WHEN_OK;
}

/* Written so that compilers make one load of it. */
static uint64_t little_endian(const uint8_t *at)
{
    return (uint64_t)at[0] | (uint64_t)at[1] << 8 | (uint64_t)at[2] << 16 | (uint64_t)at[3] << 24;
}

/* Up to eight octets of text in a word: when all are digits, octets 0, 2, 4 and 6 become what the pairs of
 * them say. */
static bool pairs(uint64_t *word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101);
    uint64_t digits = *word ^ ones * 0x30;

    *word = digits * 10 + (digits >> 8);
    return (((digits + ones * 0x76) | digits) & ones * 0x80) == 0;
}

/* "YYMMDDHHMMSSZ", the form of nearly every certificate. False: it is something else, or not a time. */
static bool usual(const uint8_t *at, int64_t *unix_s)
{
    static const uint8_t days_of[12] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    static const uint16_t before[12] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    uint64_t date = little_endian(at) | little_endian(at + 4) << 32;
    uint64_t time = little_endian(at + 8) | UINT64_C(0x30303030) << 32;

    if (at[12] != 'Z' || !pairs(&date) || !pairs(&time))
        return false;
    unsigned year = (unsigned)(date & 0xff);
    unsigned month = (unsigned)(date >> 16 & 0xff);
    unsigned day = (unsigned)(date >> 32 & 0xff);
    unsigned hour = (unsigned)(date >> 48 & 0xff);
    unsigned minute = (unsigned)(time & 0xff);
    unsigned second = (unsigned)(time >> 16 & 0xff);
    if (month - 1 > 11 || hour > 23 || minute > 59 || second > 59)
        return false;
    if (day - 1 >= days_of[month - 1] && !(month == 2 && day == 29 && year % 4 == 0))
        return false;
    /* Years since 1950; between 1950 and 2049 every fourth year is a leap year, the first is 1952. */
    unsigned since = year >= 50 ? year - 50 : year + 50;
    unsigned leaps = (since + (month > 2 ? 2 : 1)) / 4;
    unsigned days = since * 365 + leaps + before[month - 1] + day - 1;
    *unix_s = ((int64_t)days - 7305) * 86400 + (int64_t)(hour * 3600 + minute * 60 + second);
    return true;
}

enum when when_read(uint32_t tag, struct span text, int64_t *unix_s)
{
    if (tag == DER_UTC_TIME && text.len == 13 && usual(text.at, unix_s))
        return WHEN_OK;
    return unusual(tag, text, unix_s);
}
