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

enum when when_read(uint32_t tag, struct span text, int64_t *unix_s)
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
