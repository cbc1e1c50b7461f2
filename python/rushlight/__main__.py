from rushlight._program import main

main()
