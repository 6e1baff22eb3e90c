/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Numbers of the events in the journal, as the catalog explains them. */
#ifndef DAEMON_BUS_MESSAGES_H
#define DAEMON_BUS_MESSAGES_H

#define MESSAGE_ASSAY_STARTED "df6d59efdb0719bc7c19d9b9da46b0ea"
#define MESSAGE_ASSAY_ENDED "eabdf2f79137fd0c8a11787bfeb0bfdb"
#define MESSAGE_LEDGER_ILL "c8277e55e0cac7d633f017191be35aaa"
#define MESSAGE_LEDGER_WELL "6539ee0909f54b06da3b1ea492ffae90"
#define MESSAGE_DISK_LOW "fdccbc78f9dae9e7de81c3c1a20b71c8"
#define MESSAGE_KEY_CHANGED "94a4b540931766a5497be0127f733ba5"
#define MESSAGE_ARCHIVED "f15b131dec2929efae34c748adfea9cf"
#define MESSAGE_SETTINGS_BAD "5f67888b03729e712cae4f3ed1c3fe3c"

#endif
