import { createApi, fetchBaseQuery } from "@reduxjs/toolkit/query";

/** The client adds its endpoints to this. */
export const emptyApi = createApi({ baseQuery: fetchBaseQuery({ baseUrl: process.argv[2] }), endpoints: () => ({}) });
