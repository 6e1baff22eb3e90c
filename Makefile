# SPDX-License-Identifier: GPL-2.0-or-later
# reespec: build, test and run. `make help` lists the targets; all outputs go
# to $(O). Sources are found by folder, so a new file needs no line here.

O ?= .build
REESPEC_DATA ?= ../shared/data
export O REESPEC_DATA

CC ?= gcc
PKGS := libevent libevent_pthreads libudev libsystemd libxrl sqlite3 libsodium \
	libzstd jansson inih cairo libqrencode ncursesw
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wformat=2 \
	-Wmissing-prototypes -Wundef -Wvla -Wwrite-strings -Werror
CFLAGS ?= -O2 -g
ALL_CFLAGS = -std=gnu11 $(WARN) $(CFLAGS) $(SANITIZE) -D_GNU_SOURCE -pthread \
	-Idaemon -Idriver -Itools -MMD -MP $(PKG_CFLAGS)
PKG_CFLAGS = $(eval PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS)))$(PKG_CFLAGS)
PKG_LIBS = $(eval PKG_LIBS := $(shell pkg-config --libs $(PKGS)))$(PKG_LIBS)
LIBS = -Wl,--as-needed $(PKG_LIBS) -llapacke -lopenblas -lm -pthread

obj = $(patsubst %.c,$(O)/obj/%.o,$(1))
LIB_OBJ := $(call obj,$(wildcard $(addsuffix /*.c,$(addprefix daemon/,base proto device assay ledger bus))))
PROGRAMS := $(O)/reespecd $(O)/reespec $(O)/dp5emu

.PHONY: all
all: $(PROGRAMS)

$(O)/obj/%.o: %.c
	@mkdir -p $(@D)
	$(CC) $(ALL_CFLAGS) -c -o $@ $<

$(O)/libreespec.a: $(LIB_OBJ)
	@rm -f $@
	ar rcs $@ $^

$(O)/reespecd: $(call obj,daemon/main.c) $(O)/libreespec.a
$(O)/reespec: $(call obj,$(wildcard tools/reespec/*.c)) $(O)/libreespec.a
$(O)/dp5emu: $(call obj,$(wildcard tools/dp5emu/*.c)) $(O)/libreespec.a
$(PROGRAMS):
	$(CC) $(CFLAGS) $(SANITIZE) -o $@ $^ $(LIBS)

-include $(shell find $(O)/obj -name '*.d' 2>/dev/null)
