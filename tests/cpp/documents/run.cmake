# cmake -DPROGRAM=... -DOUTPUT=FILE -P run.cmake: the program ends well and prints what the file says.
execute_process(COMMAND "${PROGRAM}" OUTPUT_VARIABLE printed COMMAND_ERROR_IS_FATAL ANY)
file(READ "${OUTPUT}" expected)
if(NOT printed STREQUAL expected)
  message(FATAL_ERROR "printed\n${printed}instead of\n${expected}")
endif()
