# SPDX-License-Identifier: Apache-2.0
# Writes OUT, a header with the commit that is built, if it is another one than before. A source tree without git has none,
# unless COMMIT names it.
cmake_minimum_required(VERSION 3.25)
if(COMMIT STREQUAL "")
  execute_process(COMMAND git -C ${SOURCE} describe --always --dirty --abbrev=12 --exclude=* OUTPUT_VARIABLE COMMIT OUTPUT_STRIP_TRAILING_WHITESPACE
    ERROR_QUIET RESULT_VARIABLE failed)
  if(failed)
    set(COMMIT "")
  endif()
endif()
file(CONFIGURE OUTPUT ${OUT} CONTENT "#define POSTERN_COMMIT \"@COMMIT@\"\n" @ONLY)
