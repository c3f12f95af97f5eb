// Reads a file through the C++ library: streams, stream buffers, filesystem.
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <sstream>
#include <string>

int main(int argc, char **argv) {
    if (argc != 3) return 2;
    const std::string how = argv[1], path = argv[2];
    if (how == "env") {
        const char *value = std::getenv(path.c_str());
        if (!value) return 1;
        std::cout << value << '\n';
        return 0;
    }
    if (how == "directory") {
        for (const auto &entry : std::filesystem::directory_iterator(path))
            std::cout << entry.path() << ' ' << entry.file_size() << '\n';
        return 0;
    }
    std::ifstream file(path, std::ios::binary);
    if (!file) {
        std::cerr << "cannot open\n";
        return 1;
    }
    if (how == "getline") {
        std::string line;
        while (std::getline(file, line)) std::cout << line << '\n';
    } else if (how == "seek") {
        file.seekg(0, std::ios::end);
        std::cout << file.tellg() << ' ' << std::filesystem::file_size(path) << '\n';
        file.seekg(3);
        std::cout << file.rdbuf();
    } else if (how == "iterator") {
        const std::string text{std::istreambuf_iterator<char>(file), {}};
        std::cout << text.size() << ' ' << text;
    } else {
        return 2;
    }
    return 0;
}
