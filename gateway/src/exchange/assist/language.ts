/** The languages of the assistant's texts. */
export type Language = 'de' | 'en'
