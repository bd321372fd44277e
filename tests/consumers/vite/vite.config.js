// As `npm create vite` writes it for React; the package needs nothing here.
import react from "@vitejs/plugin-react";
import { defineConfig } from "vite";

export default defineConfig({ plugins: [react()] });
